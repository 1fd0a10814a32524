/** What a site is to the channels: GA4's categories of sources, and two of ours (AI assistants, web mail). */
export type SiteKind = 'search' | 'social' | 'video' | 'shopping' | 'ai' | 'mail' | 'other';

/** A site that sends visitors, under the name that people know it by. */
export interface Site {
  readonly name: string;
  readonly kind: SiteKind;
}

/**
 * Where visitors come from, a line each: kind, name, then the hosts.
 *
 * - `bing.com` is the host and everything below it.
 * - `=google.com` is the host itself, with or without `www.`.
 * - `google.*` is the name in front of each ending of COUNTRIES; `ebay.{de,fr}` is the name in front of these.
 * - `app:com.google.android.gm` is an app of Android (`android-app://…`).
 * - `@fb` is another word that campaigns use as their `utm_source`. The name itself is one, too.
 *
 * The longest host that fits decides. Kinds follow the list of source categories that Google publishes with its channel rules, for
 * the sites that matter.
 */
export const SITES = `
search | Google | =google.* images.google.* =encrypted.google.com =lens.google.com =cse.google.com news.google.com app:com.google.android.googlequicksearchbox app:com.google.android.apps.searchlite @adwords @googleads @google_ads @google-ads
other | Google | google.* googleusercontent.com translate.goog googleadservices.com doubleclick.net googlesyndication.com app:com.google.android.apps.magazines
search | Bing | bing.com app:com.microsoft.bing @bingads @microsoft_ads @microsoftads
search | DuckDuckGo | duckduckgo.com app:com.duckduckgo.mobile.android @ddg
search | Yahoo | =yahoo.{com,co.jp} search.yahoo.com search.yahoo.co.jp
other | Yahoo | yahoo.com yahoo.co.jp
search | Yandex | yandex.{ru,com,by,kz,uz,com.tr,com.am,com.ge,az,co.il,ee,eu,fr,kg,lt,lv,md,tj,tm,ua,net} ya.ru app:ru.yandex.searchplugin
search | Baidu | baidu.com app:com.baidu.searchbox
search | Ecosia | ecosia.org app:com.ecosia.android
search | Qwant | qwant.com
search | Brave Search | search.brave.com @brave
search | Startpage | startpage.com ixquick.com
search | Kagi | kagi.com
search | Naver | =naver.com search.naver.com m.naver.com app:com.nhn.android.search
search | Daum | =daum.net search.daum.net m.daum.net
search | Seznam | =seznam.cz search.seznam.cz
search | Sogou | sogou.com
search | 360 Search | so.com
search | Swisscows | swisscows.com
search | Mojeek | mojeek.com
search | MetaGer | metager.org metager.de
search | Presearch | presearch.com presearch.org
search | You.com | you.com
search | Ask.com | =ask.com search.ask.com
search | AOL | =aol.com search.aol.com
search | Dogpile | dogpile.com
search | MSN | msn.com
search | Coc Coc | coccoc.com
search | Rambler | =rambler.ru nova.rambler.ru
search | Mail.ru | go.mail.ru
search | Onet | onet.pl
search | Virgilio | virgilio.it
search | GMX | suche.gmx.{net,at,ch}
search | WEB.DE | suche.web.de
search | T-Online | suche.t-online.de
search | Lilo | lilo.org
search | Petal Search | petalsearch.com
search | Yep | yep.com
search | goo.ne.jp | search.goo.ne.jp
search | Rakuten | websearch.rakuten.co.jp
search | Docomo | search.smt.docomo.ne.jp
social | Facebook | facebook.com fb.com fb.me app:com.facebook.katana app:com.facebook.lite @fb @facebook_ads @facebookads @meta @facebook-ads
social | Messenger | messenger.com m.me app:com.facebook.orca
social | Instagram | instagram.com app:com.instagram.android @ig @igshopping
social | Threads | threads.net threads.com app:com.instagram.barcelona
social | WhatsApp | whatsapp.com wa.me app:com.whatsapp @wa
social | X | x.com t.co twitter.com app:com.twitter.android @twitter
social | LinkedIn | linkedin.com lnkd.in app:com.linkedin.android
social | Reddit | reddit.com redd.it app:com.reddit.frontpage app:com.andrewshu.android.reddit
social | Pinterest | pinterest.* pin.it app:com.pinterest
social | TikTok | tiktok.com app:com.zhiliaoapp.musically app:com.ss.android.ugc.trill
social | Snapchat | snapchat.com app:com.snapchat.android
social | Bluesky | bsky.app app:xyz.blueskyweb.app
social | Mastodon | mastodon.{social,online,world,cloud} mstdn.{social,jp} mas.to fosstodon.org hachyderm.io infosec.exchange techhub.social app:org.joinmastodon.android
social | Hacker News | news.ycombinator.com app:io.github.hidroh.materialistic @hn @hackernews
social | Lobsters | lobste.rs
social | Product Hunt | producthunt.com
social | Quora | quora.com app:com.quora.android
social | Stack Overflow | stackoverflow.com
social | Stack Exchange | stackexchange.com superuser.com serverfault.com askubuntu.com
social | Discord | discord.com discord.gg discordapp.com app:com.discord
social | Telegram | telegram.org t.me telegram.me app:org.telegram.messenger
social | Tumblr | tumblr.com app:com.tumblr
social | Flipboard | flipboard.com app:flipboard.app
social | Medium | medium.com app:com.medium.reader
social | Substack | substack.com
social | VK | vk.com vk.ru vkontakte.ru app:com.vkontakte.android
social | Odnoklassniki | ok.ru odnoklassniki.ru
social | XING | xing.com
social | Weibo | weibo.com weibo.cn app:com.sina.weibo
social | WeChat | wechat.com weixin.qq.com app:com.tencent.mm
social | Douban | douban.com
social | Zhihu | zhihu.com
social | Xiaohongshu | xiaohongshu.com
social | Baidu Tieba | tieba.baidu.com
social | LINE | line.me app:jp.naver.line.android
social | KakaoTalk | kakao.com app:com.kakao.talk
social | Naver Blog | blog.naver.com cafe.naver.com
social | Hatena | hatena.ne.jp
social | Nextdoor | nextdoor.{com,co.uk}
social | Meetup | meetup.com
social | Goodreads | goodreads.com
social | Tripadvisor | tripadvisor.{com,co.uk,de,fr,it,es,ca,com.au,in,jp}
social | Yelp | yelp.{com,co.uk,de,fr,ca,com.au}
social | Lemmy | lemmy.{world,ml}
social | dev.to | dev.to
social | Slashdot | slashdot.org
social | Gab | gab.com
social | Truth Social | truthsocial.com
video | YouTube | youtube.com youtu.be youtube-nocookie.com app:com.google.android.youtube @yt
video | Vimeo | vimeo.com
video | Twitch | twitch.tv app:tv.twitch.android.app
video | Dailymotion | dailymotion.com dai.ly
video | Bilibili | bilibili.com
video | Youku | youku.com
video | iQIYI | iqiyi.com iq.com
video | Niconico | nicovideo.jp
video | Rumble | rumble.com
video | Odysee | odysee.com
video | RuTube | rutube.ru
video | Netflix | netflix.com
video | Hulu | hulu.com
video | Disney+ | disneyplus.com
video | TED | ted.com
video | Wistia | wistia.com wistia.net
video | Kick | kick.com
shopping | Amazon | amazon.{com,co.uk,de,fr,it,es,nl,se,pl,com.be,ie,ca,com.mx,com.br,com.au,co.jp,in,sg,ae,sa,eg,com.tr} amzn.to a.co app:com.amazon.mShop.android.shopping
shopping | eBay | ebay.{com,co.uk,de,fr,it,es,nl,at,be,ch,ie,pl,ca,com.au,com.hk,com.my,com.sg,ph} app:com.ebay.mobile
shopping | Etsy | etsy.com app:com.etsy.android
shopping | Walmart | walmart.{com,ca}
shopping | AliExpress | aliexpress.{com,ru,us}
shopping | Alibaba | alibaba.com
shopping | Taobao | taobao.com
shopping | Shopify | shop.app shopify.com
shopping | Google Shopping | shopping.google.* @google_shopping @googleshopping
shopping | Mercado Libre | mercadolibre.{com,com.ar,com.mx,com.co,cl,com.uy,com.pe} mercadolivre.com.br
shopping | Temu | temu.com
shopping | Shein | shein.com
shopping | Shopee | shopee.{com,sg,co.id,com.my,co.th,vn,ph,com.br,tw}
shopping | Lazada | lazada.{com,sg,com.my,co.th,co.id,vn,com.ph}
shopping | Rakuten Ichiba | rakuten.{co.jp,com}
shopping | Allegro | allegro.pl
shopping | Zalando | zalando.{com,de,fr,it,es,nl,be,at,ch,pl,se,dk,fi,no,co.uk}
shopping | idealo | idealo.{de,at,co.uk,fr,it,es}
shopping | Slickdeals | slickdeals.net
shopping | Twenga | twenga.{com,de,fr,it,es,co.uk}
ai | ChatGPT | chatgpt.com chat.openai.com chat.com app:com.openai.chatgpt @openai
ai | Perplexity | perplexity.ai app:ai.perplexity.app.android
ai | Claude | claude.ai app:com.anthropic.claude
ai | Gemini | gemini.google.com bard.google.com app:com.google.android.apps.bard
ai | Copilot | copilot.microsoft.com copilot.cloud.microsoft m365.cloud.microsoft edgeservices.bing.com copilot.com app:com.microsoft.copilot
ai | DeepSeek | deepseek.com app:com.deepseek.chat
ai | Grok | grok.com x.ai app:ai.x.grok
ai | Mistral | chat.mistral.ai
ai | Meta AI | meta.ai
ai | Poe | poe.com
ai | Phind | phind.com
ai | Kimi | kimi.com kimi.moonshot.cn
ai | Doubao | doubao.com
ai | Qwen | chat.qwen.ai qwen.ai
ai | NotebookLM | notebooklm.google.com notebooklm.google
ai | Duck.ai | duck.ai
ai | Character.AI | character.ai
mail | Gmail | mail.google.com inbox.google.com gmail.com app:com.google.android.gm
mail | Outlook | outlook.live.com outlook.office.com outlook.office365.com outlook.com mail.live.com hotmail.com outlook.cloud.microsoft app:com.microsoft.office.outlook
mail | Yahoo Mail | mail.yahoo.com mail.yahoo.co.jp app:com.yahoo.mobile.client.android.mail
mail | Proton Mail | mail.proton.me mail.protonmail.com app:ch.protonmail.android
mail | iCloud Mail | icloud.com
mail | AOL Mail | mail.aol.com
mail | GMX Mail | navigator.gmx.{net,at,ch} deref-gmx.net deref-gmx.com
mail | WEB.DE Mail | navigator.web.de deref-web-02.de deref-web.de
mail | Mail.ru Mail | e.mail.ru touch.mail.ru
mail | Yandex Mail | mail.yandex.{ru,com,by,kz,ua,com.tr}
mail | QQ Mail | mail.qq.com
mail | Naver Mail | mail.naver.com
mail | Zoho Mail | mail.zoho.{com,eu,in}
mail | Fastmail | fastmail.com
mail | Seznam Mail | email.seznam.cz
mail | Orange Mail | mail.orange.fr
mail | Tuta | app.tuta.com mail.tutanota.com
other | GitHub | github.com app:com.github.android
other | GitLab | gitlab.com
other | Wikipedia | wikipedia.org
other | Slack | slack.com app:com.Slack
other | Microsoft Teams | teams.microsoft.com teams.live.com teams.cloud.microsoft app:com.microsoft.teams
other | Notion | notion.so notion.site
other | Feedly | feedly.com app:com.devhd.feedly
other | Pocket | getpocket.com app:com.ideashower.readitlater.pro
other | Apple News | apple.news
other | SmartNews | smartnews.com
`;

/**
 * Countries in the endings of a name's hosts, such as google.de, google.com.br and google.co.jp: those that Google lists as its
 * own (https://www.google.com/supported_domains).
 */
export const COUNTRIES = {
  '': 'com ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci cl cm cn cv cz de dj dk dm dz ee es fi fm fr ga ge gg gl gm gr gy hn hr ht hu ie im iq is it je jo kg ki kz la li lk lt lu lv md me mg mk ml mn mu mv mw ne nl no nr nu pl pn ps pt ro rs ru rw sc se sh si sk sm sn so sr st td tg tl tm tn to tt vu ws',
  'com.':
    'af ag ai ar au bd bh bn bo br bz co cu cy do ec eg et fj gh gi gt hk jm kh kw lb ly mm mt mx my na ng ni np om pa pe pg ph pk pr py qa sa sb sg sl sv tj tr tw ua uy vc vn',
  'co.': 'ao bw ck cr id il in jp ke kr ls ma mz nz th tz ug uk uz ve vi za zm zw',
};
