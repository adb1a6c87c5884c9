// The console: draws the page that the address names.
import { render } from "preact";

render(<main>Millwright</main>, document.getElementById("app")!);
