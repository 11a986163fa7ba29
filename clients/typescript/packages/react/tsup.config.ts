import { built } from "../../tsup.base.js";

export default built(["src/index.tsx"], "browser");
