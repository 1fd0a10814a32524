/** Apps that show web pages within themselves. Their User-Agents are those of Safari or Chrome with a word added. */
const APPS: readonly [name: string, sign: RegExp][] = [
  ['Instagram', /\bInstagram\b/],
  ['Threads', /\bBarcelona \d/],
  ['Messenger', /FBAN\/Messenger|MessengerLite|Orca-Android/],
  ['Facebook', /\bFB(?:AN|AV|_IAB|IOS)\b/],
  ['TikTok', /TikTok|musical_ly|BytedanceWebview|\btrill_\d/i],
  ['LinkedIn', /LinkedInApp/],
  ['Snapchat', /\bSnapchat\b/],
  ['Line', /\bLine\/\d/],
  ['DuckDuckGo', /\bDuckDuckGo\/|\bDdg\//],
  ['Pinterest', /\bPinterest\b/],
  ['Twitter', /Twitter for |TwitterAndroid|\bTwitter\/\d/],
  ['WhatsApp', /\bWhatsApp\b/],
  ['Telegram', /\bTelegram\b/],
  ['WeChat', /MicroMessenger/],
  ['KakaoTalk', /KAKAOTALK/],
  ['Naver', /NAVER\(inapp/],
  ['Reddit', /\bReddit\//],
  ['Discord', /\bDiscord\//],
  ['Slack', /\bSlack\//],
  ['Microsoft Teams', /\bTeams\//],
  ['Weibo', /\bWeibo\b/],
  ['VK', /\bVKAndroidApp|\bVKApp/],
  ['Viber', /\bViber\b/],
  ['Zalo', /\bZalo\b/],
  ['Yahoo', /\bYahoo(?:Mobile|App)/],
  ['Ecosia', /\bEcosia\b/],
  ['Google Search', /\bGSA\//],
];

/** The app in whose own browser a page was shown, or undefined. */
export function inAppBrowser(userAgent: string): string | undefined {
  return APPS.find(([, sign]) => sign.test(userAgent))?.[0];
}
