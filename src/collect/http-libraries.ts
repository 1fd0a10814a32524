/** HTTP libraries and command-line tools, as they name themselves at the beginning of a User-Agent. */
export const LIBRARY_FIRST = new RegExp(
  `^(?:${[
    String.raw`Java/|Java-http-client|Ktor|Retrofit|Volley|Google-(?:HTTP|API)-Java|unirest|ReactorNetty|Jersey|akka-http|pekko-http|http4s|sttp`,
    String.raw`okhttp|Apache-Http(?:Async)?Client|armeria|Async-?Http-?Client|AHC/|Jakarta Commons-HttpClient|Commons-HttpClient|Android-Async-Http`,
    String.raw`Vert\.x|jsoup|feign|http-kit|clj-http|http4k|http-client\b|Jetty/|Apache-?CXF|Axis/|RestTemplate|Spring|Netty|Micronaut|Quarkus|Helidon`,
    String.raw`Go[ -]http|Go ?/|go-resty|fasthttp|resty|zig/|cohttp|req/v?\d|colly|grpc-`,
    String.raw`python|aiohttp|httpx|urllib|pycurl|urlgrabber|Boto(?:3|core)|tornado|aws-(?:sdk|cli)|azsdk|google-(?:api|cloud|auth)|gcloud|gl-[a-z]+/`,
    String.raw`node\b|node-fetch|node-superagent|undici|axios|got\b|superagent|Deno/|Bun/|needle|request\.js|ky/|ofetch|bent|phin|cross-fetch|make-fetch-happen|graphql-request`,
    String.raw`Ruby|Faraday|http\.rb|rest-client|Typhoeus|Mechanize|HTTParty|excon`,
    String.raw`PHP\b|Guzzle|Symfony|Laravel|libwww|lwp|Perl\b|(?:HTTP|Net|LWP|WWW|Mojo)::|HTTP-Tiny|HTTP_Request2?|Zend[_\\]Http|Laminas_Http|PHP-SOAP|WWW-Mechanize|Mojolicious`,
    String.raw`Dart/|reqwest|hyper/|ureq|isahc|attohttpc|hackney|mint/|Finch|HTTPoison|Erlang|lua-resty|LuaSocket|cpp-httplib|cpprestsdk|cpr/`,
    String.raw`RestSharp|WinHttp|Microsoft\.NET|\.NET|System\.Net\.Http|Flurl|libsoup|URLSession|Swift/|Alamofire|AFNetworking|Cronet`,
    String.raw`UnityPlayer|UnrealEngine|X-UnrealEngine|GodotEngine|Roblox`,
    String.raw`ESP(?:32|8266)|Arduino|(?:Microsoft )?Windows ?PowerShell|PowerShell/|Embarcadero|HTTP\.jl|R \(\d|r-curl|httr|OpenAPI-Generator|Swagger-Codegen|Stripe/v\d|Tcl http`,
    String.raw`(?:lib)?curl\b|Wget|HTTPie|aria2|Postman|insomnia|Apidog|Bruno|hurl/|k6/|vegeta`,
  ].join('|')})`,
  'i',
);

/** Those that stand behind the name of the program that uses them. */
export const LIBRARY_BEHIND = new RegExp(
  [
    String.raw`okhttp|CFNetwork/|Apache-Http(?:Async)?Client|UnityWebRequest|dart:io|python-(?:requests|httpx|urllib)|\baiohttp/|\bhttpx/`,
    String.raw`Go-http-client|go-resty|\baxios/|\bundici\b|\bgot/|node-fetch|node-superagent|GuzzleHttp|Faraday|RestSharp|\breqwest/|\bKtor`,
    String.raw`ReactorNetty|Java-http-client|Vert\.x|URLSession|Alamofire|AFNetworking|\b(?:lib)?curl/\d|PowerShell/|HTTPClient\b`,
  ].join('|'),
  'i',
);

/** Those whose User-Agent begins with "Mozilla/". */
export const LIBRARY_AS_BROWSER = /PowerShell\/|WinHttp|MSXML|XMLHTTP|Indy ?Library|\bSynapse\)|\bjsdom\//i;
