import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";

import TokenDashboard, { LtlmProvider } from "@ltlm/react";

const page = new URLSearchParams(location.search);
const organizationId = page.get("organization") ?? "acme";
const headers = { "x-user": page.get("user") ?? "ada" };

async function getAccessToken(): Promise<string> {
  const answer = await fetch(`/organizations/${organizationId}/session`, { method: "POST", headers });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

/** Generates quests, and shows what that costs. */
function Quests() {
  const [message, setMessage] = useState("");
  const [isLoading, setLoading] = useState(false);
  const dashboard = useRef<HTMLDivElement>(null);

  async function generate() {
    const answer = await fetch(`/organizations/${organizationId}/goals`, { method: "POST", headers });
    const told = (await answer.json()) as { error?: string; remainingBalance?: number };
    setMessage(told.error ?? `Goal created! ${told.remainingBalance} tokens left`);
    await dashboard.current?.querySelector("ltlm-token-dashboard")?.refresh();
  }

  return (
    <main aria-busy={isLoading}>
      <h1>Quests</h1>
      <p>
        <button type="button" onClick={() => void generate()}>
          Generate new quest
        </button>{" "}
        <span role="status">{message}</span>
      </p>
      <div ref={dashboard}>
        <TokenDashboard organizationId={organizationId} plan="pro" onLoadingChange={setLoading} />
      </div>
    </main>
  );
}

const root = document.querySelector("#app");
if (root !== null) {
  createRoot(root).render(
    <LtlmProvider baseUrl={page.get("service") ?? "http://127.0.0.1:8787"} getAccessToken={getAccessToken}>
      <Quests />
    </LtlmProvider>,
  );
}
