import { isInternal, referrerHostOf } from './referrer.js';

describe('the host of a referrer', () => {
  test.each([
    ['https://www.google.com/search?q=a', 'www.google.com'],
    ['https://News.Example:443/', 'news.example'],
    ['https://xn--bcher-kva.example/', 'bücher.example'],
    ['https://ann:secret@a.example:8080/', 'a.example:8080'],
    ['//a.example/', 'a.example'],
    ['google.com', 'google.com'],
    ['android-app://com.google.android.gm/', 'com.google.android.gm'],
    [
      'android-app://com.google.android.googlequicksearchbox/https/www.google.com',
      'com.google.android.googlequicksearchbox',
    ],
    ['ANDROID-APP://com.slack', 'com.slack'],
    ['ios-app://544007664/vnd.youtube/a', '544007664'],
  ])('%s', (referrer, host) => {
    expect(referrerHostOf(referrer)).toBe(host);
  });

  test.each([
    ...[
      '',
      'about:blank',
      'about:srcdoc',
      'data:text/html,a',
      'javascript:void(0)',
      '(direct)',
      '$direct',
      '(none)',
      'null',
    ],
    ...[
      '/pricing',
      'google',
      'shop://cart',
      'chrome://newtab',
      'mailto:ann@a.example',
      'android-app://',
      'android-app://a b/',
    ],
    ...[
      'https://',
      'http://exa mple.com',
      'file:///home/ann/a.html',
      'blob:https://a.example/1',
      '?a.example',
      '\ud800',
    ],
  ])('none in %j', (referrer) => {
    expect(referrerHostOf(referrer)).toBe('');
  });
});

describe('an internal referrer', () => {
  test.each([
    ['the same host', 'a.example', 'a.example', []],
    ['with www.', 'www.a.example', 'a.example', []],
    ['without www.', 'a.example', 'www.a.example', []],
    ['the same port', 'a.example:8080', 'a.example:8080', []],
    ['a host of the list', 'pay.example', 'a.example', ['pay.example']],
    ['with www. in the list', 'pay.example', 'a.example', ['www.pay.example']],
    ['without www. in the list', 'www.pay.example', 'a.example', ['pay.example']],
    ['spelled otherwise in the list', 'bücher.example', 'a.example', [' XN--Bcher-KVA.Example:443 ']],
    ['a subdomain of the list', 'pay.a.example', 'b.example', ['*.a.example']],
    ['the domain itself', 'a.example', 'b.example', ['*.a.example']],
    ['an event without a URL', 'a.example', '', ['a.example']],
  ])('%s', (_, referrer, host, ownHosts) => {
    expect(isInternal(referrer, host, ownHosts)).toBe(true);
  });

  test.each([
    ['none at all', '', '', ['']],
    ['another host', 'b.example', 'a.example', []],
    ['a subdomain', 'blog.a.example', 'a.example', ['a.example']],
    ['the domain above', 'a.example', 'blog.a.example', []],
    ['a host that ends the same', 'nota.example', 'a.example', ['*.a.example']],
    ['a host that begins the same', 'a.example.evil.example', 'a.example', ['*.a.example']],
    ['another port', 'a.example:8080', 'a.example', ['a.example']],
    ['www. alone is no host to compare with', 'www.example', 'example', []],
    ['a list with nonsense', 'b.example', 'a.example', ['', '*.', '*', 'exa mple']],
  ])('is not: %s', (_, referrer, host, ownHosts) => {
    expect(isInternal(referrer, host, ownHosts)).toBe(false);
  });
});
