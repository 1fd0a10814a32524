import type { Device } from '../events/event.js';
import { classOfModel } from './device-models.js';

/** TV sets and boxes, consoles, headsets, cars, speakers, watches, as far as they say so. */
const APPLIANCE = anyOf(
  'HbbTV|CE-HTML|Smart-?TV|Smart TV|Google ?TV|Android(?: UHD)? TV|AndroidTV|Apple ?TV|tvOS|\\(TV;|; TV\\)|\\(lite\\) TV| TV$',
  'Web0S|webOS\\.TV|webOSTV|NetCast|VIDAA|\\bViera|NETTV|NetRange|InettvBrowser|DLNADOC|BRAVIA|Roku|CrKey',
  'Large Screen|Opera TV|\\bOMI/|\\bAFT[A-Z0-9]{1,12}\\b|PhilipsTV|AQUOS|olleh|Coolita|Andr0id|Firebolt|tclwebkit|KreaTV|\\bSTB\\b',
  'SmartCast|Cobalt/|\\w_(?:TV|STB|ATV)_|SMART_TV|\\w[a-z]TV\\d?(?= Build|[;)])|\\bPortal(?:\\+|TV|Go)',
  '\\w[ _]Shell[ _]\\w{6}|Nintendo|PlayStation|\\bPSP\\b(?!\\d)|Xbox|Steam(?:Deck|OS)|\\bOUYA|GAMEPAD',
  'OculusBrowser|\\bQuest (?:\\d\\b|Pro\\b)|Mobile VR| VR Safari/|\\bVIVE (?:Focus|XR|Flow|P\\d|Pro)|Magic ?Leap|Lynx-R\\d|Glass Enterprise|\\bGlass \\d\\b|PicoBrowser|\\bPico (?:Neo|G?\\d)|visionOS|Apple ?Vision|HoloLens',
  'Tesla/|QtCarBrowser|AlexaMediaPlayer|Echo Show|HomePod|GoogleHome|\\bSonos\\b|Watch ?OS|\\bWatch\\d,\\d|\\bSM-R\\d{3}|; [\\w ]{1,30}\\bWatch\\b|ZenWatch|LG Watch|\\bEK-G[CN]\\d|COOLPIX',
);

const TABLET = anyOf('\\biPad|Tablet(?! PC| browser)|PlayBook|TouchPad|Kindle|Silk/|Android 3\\.');
/** Windows 8 and later name a touch screen. */
const WINDOWS_TABLET = /Windows NT (?:6\.[23]|10\.0);/;
const TIZEN = /\bTizen\b/;

/** The page for computers, asked for by apps and browsers that exist on iOS only. */
const ONLY_ON_IOS = /Mobile\/\w|CriOS\/|FxiOS\/|EdgiOS\/|OPiOS\/|OPT\/|GSA\/|FBAN|Instagram/;

const PHONE = anyOf(
  '\\biPhone|\\biPod|\\biOS\\b|FB4A|Windows ?Phone|WPDesktop|Windows NT 10\\.0; ARM; \\w|Lumia|Windows Mobile|Windows CE|IEMobile',
  'BlackBerry|\\bBB10|Symbian|SymbOS|Series ?[3469]0|MIDP|CLDC|J2ME|KAIOS|\\bBada\\b|MeeGo|Maemo|Tizen|webOS/|hpwOS|Palm ?OS|Palmscape|PalmSource|Xiino',
  'Nokia|SonyEricsson|SAMSUNG-|DoCoMo|KDDI|SoftBank|Vodafone|UP\\.Browser|\\bWAP\\d?|Opera Mini|Opera Mobi|UCWEB|Jasmine|NetFront',
  '\\bMAUI\\b|\\bMRE\\b|Obigo|Teleca|POLARIS|Dolfin|Blazer|\\bBrew\\b|\\bMobile\\b|\\(Phone;|jig browser|^[a-z]+ [a-z]{1,3}-?\\d{3,5}\\w?$',
);

const COMPUTER = anyOf(
  '\\bCrOS\\b|Chromebook|Windows|WinNT|\\bWin(?:9[58]|32|64)\\b|Macintosh|\\bMac[ _]?OS|Mac_PowerPC|os=Mac|Darwin|\\(PC;',
  'X11|BSD|DragonFly|Linux|Ubuntu|Fedora|SUSE|SunOS|Solaris|Haiku|BeOS|Amiga|AROS|MorphOS|OS/2|IRIX|\\bAIX\\b|HP-UX|OSF1|RISC OS',
  'QNX|OpenVMS|SerenityOS|Syllable|Inferno|CYGWIN',
);

/**
 * The class of the device behind a User-Agent, bot or not.
 * @returns `other` for what is neither phone, tablet nor computer, and for what cannot be told
 */
export function deviceClass(userAgent: string): Device {
  const named = classOfNamedDevice(userAgent);
  if (named) return named;
  if (isAppliance(userAgent)) return 'other';
  if (/\bCrOS\b|Chromebook|Pixelbook/.test(userAgent)) return 'desktop';
  if (/\bAndroid\b|\bAdr \d/i.test(userAgent) && !/Windows Phone/.test(userAgent)) return androidClass(userAgent);
  if (isIpadAsMac(userAgent)) return 'tablet';
  if (userAgent.includes('Macintosh')) return /Silk\//.test(userAgent) ? 'tablet' : 'desktop';
  if (/Lumia|WPDesktop/.test(userAgent)) return 'mobile';
  if (TABLET.test(userAgent)) return 'tablet';
  if (WINDOWS_TABLET.test(userAgent) && /\bTouch; /.test(userAgent)) return 'tablet';
  if (TIZEN.test(userAgent)) return classOfModel(userAgent) ?? 'mobile';
  if (PHONE.test(userAgent)) return 'mobile';
  return COMPUTER.test(userAgent) ? 'desktop' : 'other';
}

/** As iPhones, iPads and their apps name the device or its system. "like iPhone" is what Windows phones say. */
const APPLE_HANDHELD = /(?<!like )\b(iPhone|iPod|iPad)|[(;] ?iOS \d/;
/** A phone in a headset says so in its browser. */
const WORN = /OculusBrowser|Mobile VR|PicoBrowser/;

/**
 * The class of a phone, tablet or computer that names itself or its model. It counts before what else the User-Agent
 * says: apps for phones are called "Roku", "Xbox" and "Smart TV Remote".
 */
function classOfNamedDevice(userAgent: string): Device | undefined {
  if (/Windows Phone/.test(userAgent)) return undefined;
  const apple = APPLE_HANDHELD.exec(userAgent);
  if (apple && !/Apple ?TV\d|Watch\d,/.test(userAgent)) return apple[1] === 'iPad' ? 'tablet' : 'mobile';
  const known = namesModel(userAgent) && !WORN.test(userAgent) ? classOfModel(userAgent) : undefined;
  return known === 'other' ? undefined : known;
}

/** A browser's engine, or the profile that phones before smartphones named. */
const ENGINE = /AppleWebKit|Gecko|Presto|Trident|MSIE|Opera|UCBrowser|UCWEB|NetFront|Profile\/|UP\.Browser/;

/** Whether a User-Agent is a browser's, or of an app that shows pages. Apps that send requests by themselves name no engine. */
export function namesEngine(userAgent: string): boolean {
  return ENGINE.test(userAgent);
}

/** A device that is neither phone, tablet nor computer, and says so. */
export function isAppliance(userAgent: string): boolean {
  // The name of an Android app tells what it is for, not what it runs on.
  const said = namesModel(userAgent) ? userAgent.replace(/^[^(]+(?=\()/, '') : userAgent;
  return APPLIANCE.test(said) || (TIZEN.test(said) && /\bTV\b/.test(said));
}

/** An iPad whose browser asks for the page for computers and yet says that it runs on iOS. Safari itself does not. */
export function isIpadAsMac(userAgent: string): boolean {
  return userAgent.includes('Macintosh') && ONLY_ON_IOS.test(userAgent);
}

/** Whether a User-Agent names Android or Tizen, of whose devices the model tells the class, also where that is `other`. */
export function namesModel(userAgent: string): boolean {
  return /\b(?:Android|Tizen)\b|\bAdr \d/i.test(userAgent);
}

/** Words that only television boxes and sticks have in their names. */
const TV_BOX = anyOf(
  '\\b(?:TV|IPTV|OTT|STB|Set-?Top)\\b|TV ?(?:Box|Stick)|TVBOX|\\bStreaming (?:Box|Stick)\\b|\\b(?:Box|Stick)(?= Build|\\))|\\bADT-\\d',
);
/** Names of boxes that phones have too, such as "X98". A phone's browser says "Mobile" as well. */
const PERHAPS_BOX = anyOf(
  '\\b(?:Box|Stick|Streaming|Dongle)\\b|SmartBox|Freebox|\\bMXQ|\\bX9[68](?! (?:Air|Plus)\\b)|\\bT95\\w?\\b|\\bTX[369]\\b',
  '\\bHK1\\b|\\bZIDOO|\\bMINIX|\\bBbox\\b|\\bSEI\\d{3}\\b',
);

/** By the model where it is known. Else by what Chrome says: phones are "Mobile", tablets are not. */
function androidClass(userAgent: string): Device {
  if (/Silk\//.test(userAgent)) return 'tablet';
  const known = classOfModel(userAgent);
  if (known) return known;
  const saysMobile = /\bMobile\b/i.test(userAgent);
  if (TV_BOX.test(userAgent) || (!saysMobile && PERHAPS_BOX.test(userAgent))) return 'other';
  if (TABLET.test(userAgent)) return 'tablet';
  return saysMobile || !/Chrome\//.test(userAgent) ? 'mobile' : 'tablet';
}

function anyOf(...alternatives: string[]): RegExp {
  return new RegExp(alternatives.join('|'), 'i');
}
