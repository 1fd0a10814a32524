import { Component, type ReactNode } from 'react';

/** A fault of ours while a page is drawn: said, instead of an empty page. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="sign-in">
        <h1>This page could not be shown</h1>
        <p>The fault is ours; nothing was lost. The browser’s console has the details.</p>
        <a className="button" href="/">
          Go to the overview
        </a>
      </main>
    );
  }
}
