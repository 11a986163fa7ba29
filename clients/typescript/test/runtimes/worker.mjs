// For runtimes that answer requests.
import { flow } from "./flow.mjs";

export default {
  async fetch(request) {
    return Response.json(await flow(await request.json()));
  },
};
