/**
 * Names of monitors, page tests and crawlers, many of which pose as a phone's browser; isbot knows some. They decide by
 * themselves, except in the User-Agent of a phone's app, which may have any name.
 */
export const KNOWN_BOT = new RegExp(
  `\\b(?:${[
    // Monitors and synthetic visitors
    'DatadogSynthetics|NewRelicSynthetics|Ruxit(?:Synthetic|Recorder)|DynatraceSynthetic|Site24x7|Catchpoint|Uptrends|AlertSite|ThousandEyes',
    'Dotcom-?Monitor|GomezAgent|KTXN|Checkly|StatusCake|Pingdom|UptimeRobot|Uptime-?Kuma|Better ?(?:Stack|Uptime)|Freshping|HetrixTools',
    'updown\\.io|NodePing|Apica\\b|SolarWinds|AppDynamics ?Synthetic|ElasticSynthetics|GrafanaSynthetic|Splunk ?Synthetics|CloudWatchSynthetics',
    // Tests of pages
    'GTmetrix|SpeedCurve|GhostInspector|Ghost Inspector|Detectify|Applitools|PTST/|WebPageTest|Chrome-Lighthouse|Page ?Speed Insights|DebugBear|sitespeed\\.io',
    'Calibreapp|YLT/|YellowLab|Dareboost|Headless ?(?:Chrome|Chromium|Firefox|Edge?|Shell)|phantomjs|slimerjs|webdriver|Browserless|LambdaTest|SauceLabs',
    'testim\\.io|mabl\\b|Functionize|PercyCLI|BrowserStack|Nitro-Optimizer|Rendertron|hotjar|ContentKing|Screaming ?Frog',
    'Siteimprove|Sitebulb|Sucuri|Qualys|Nessus|Acunetix|Arachni\\b|Netsparker|Intruder\\.io|Nuclei|HubSpot (?:Crawler|Webcrawler|Page)|Wappalyzer|BuiltWith',
    // Search engines, previews and models
    '(?:Google|Bing|Ads|Apple|Yandex\\w*|Baidu|DuckDuck|DuckAssist|Facebook|Twitter|Slack|Discord|Telegram|LinkedIn|Pinterest|WhatsApp)bot',
    '(?:Petal|Aspiegel|Semrush|Ahrefs|MJ12|Dot|Seznam|GPT|OAI-Search|Claude|Perplexity|Amazon|CC|Coccoc|Qwant|Mojeek|Store|Media|msn|AI2|Timpi)bot\\b',
    '(?:Baidu|Byte|360|Sogou web |Yisou|Haosou|Sogou )spider|Baiduspider|Yahoo! Slurp|mediapartners|feedfetcher|facebookexternalhit|facebookcatalog',
    'meta-(?:external\\w+|webindexer)|BingPreview|Google Web Preview|Google-(?:AMPHTML|InspectionTool|Read-Aloud|Publisher-Plugin|Adwords|Safety|Extended|Site-Verification)|GoogleOther|DuplexWeb-Google|ChatGPT-User|Claude-(?:User|Web|SearchBot)|Perplexity-User|MistralAI-User',
    'anthropic-ai|cohere-ai|ips-agent|moatbot|archive\\.org_bot|ia_archiver|BrandVerity|OnCrawl|Botify|DeepCrawl|Lumar\\b',
  ].join('|')})(?:bot|crawler|spider|synthetics?|agent)?(?![a-z])`,
  'i',
);

/** Names of bots that are common words: apps may have them too. */
export const BOT_OR_APP =
  /\b(?:Rigor|Headless|Playwright|Selenium|Puppeteer|Cypress(?=\/)|Chromatic(?=\/)|Percy(?=\/)|Prerender)(?![a-z])/i;
