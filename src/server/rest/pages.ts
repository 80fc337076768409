/** The pages of the reference. */
import { titleOf } from "./problem.ts";

/** Shows the OpenAPI document, from which calls can be tried. */
export const referencePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>connector-service</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript. The <a href="openapi.json">OpenAPI document</a> has all of it.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

export const startScript = `SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  domNode: document.getElementById("reference"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Nobody else hears of the document.
  validatorUrl: null,
});
`;

/** Every reason of an error, where the type of a problem leads to. */
export function reasonsPage(reasons: readonly { readonly name: string; readonly about: string }[]): string {
  const entries = reasons.map(
    ({ name, about }) => `<dt id="${name}">${titleOf(name)} <code>${name}</code></dt>\n<dd>${marked(about)}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Errors of connector-service</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Why a call failed</h1>
<p>Every problem has one of these as its <code>reason</code>. <a href="../docs">All calls</a></p>
<dl>
${entries.join("\n")}
</dl>
</body>
</html>
`;
}

/** Text with \`code\` in it. */
function marked(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return escaped.replaceAll(/`([^`]*)`/g, "<code>$1</code>");
}
