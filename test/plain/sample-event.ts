/** An event with the usual fields, as a web site sends it. */
export const SAMPLE_EVENT = {
  event: 'login_form_cta_click',
  url: 'https://example.com/page',
  referrer: 'https://google.com',
  device: 'mobile',
  ipAddress: '192.168.1.1',
  timestamp: '2024-02-20T12:34:56Z',
  metadata: { browser: 'Chrome', os: 'Android', screenSize: '1080x1920' },
};
