"use client";

import { TOKEN_DASHBOARD, defineTokenDashboard, type AccessTokenProvider, type DashboardMessages, type TokenDashboardElement } from "@ltlm/elements";
import { createContext, createElement, useContext, useEffect, useLayoutEffect, useRef, type CSSProperties, type ReactNode } from "react";

/** Where the service is, and how the page gets its access token. */
export interface LtlmConnection {
  /** The service's address. */
  baseUrl: string;
  /** Gives an access token, from your backend; called again when the last one has ended. */
  getAccessToken: AccessTokenProvider;
}

const Connection = createContext<LtlmConnection | null>(null);

/** Connects the dashboards below it. */
export function LtlmProvider({ children, ...connection }: LtlmConnection & { children?: ReactNode }): ReactNode {
  return createElement(Connection.Provider, { value: connection }, children);
}

export interface TokenDashboardProps extends Partial<LtlmConnection> {
  organizationId: string;
  /** The organization's plan, such as `starter`, `pro` or `enterprise`. */
  plan?: string;
  /** Told when a call begins, and when it is over. */
  onLoadingChange?: (isLoading: boolean) => void;
  /** `light`, `dark`, or what the system says. */
  theme?: "light" | "dark";
  /** The words; what is left out is in English. */
  messages?: Partial<DashboardMessages>;
  className?: string;
  /** May hold the custom properties `--ltlm-…`. */
  style?: CSSProperties;
  /** What leads to a better plan, shown to who has no tokens. */
  children?: ReactNode;
}

// On a server there is no layout.
const useBeforePaint = typeof window === "undefined" ? useEffect : useLayoutEffect;

/** What an organization has of tokens: `<ltlm-token-dashboard>` as a component. */
export function TokenDashboard(props: TokenDashboardProps): ReactNode {
  const connection = useContext(Connection);
  const baseUrl = props.baseUrl ?? connection?.baseUrl;
  const getAccessToken = props.getAccessToken ?? connection?.getAccessToken;
  if (baseUrl === undefined || getAccessToken === undefined) {
    throw new Error("TokenDashboard needs baseUrl and getAccessToken, by itself or from an LtlmProvider.");
  }
  const { organizationId, plan, onLoadingChange, theme, messages, className, style, children } = props;
  const element = useRef<TokenDashboardElement>(null);
  const listener = useRef(onLoadingChange);
  useBeforePaint(() => {
    listener.current = onLoadingChange;
  });
  useBeforePaint(() => {
    const target = element.current;
    const tell = (event: Event) => listener.current?.((event as CustomEvent<boolean>).detail);
    target?.addEventListener("loadingchange", tell);
    defineTokenDashboard();
    return () => target?.removeEventListener("loadingchange", tell);
  }, []);
  useBeforePaint(() => {
    if (element.current !== null) {
      element.current.getAccessToken = getAccessToken;
    }
  }, [getAccessToken]);
  useBeforePaint(() => {
    if (element.current !== null) {
      element.current.messages = messages ?? {};
    }
  }, [messages]);
  const slotted = children === undefined ? undefined : createElement("div", { slot: "upgrade" }, children);
  return createElement(
    TOKEN_DASHBOARD,
    {
      ref: element,
      "organization-id": organizationId,
      "base-url": baseUrl,
      plan,
      theme,
      // React 18 hands `className` of custom elements on as it is.
      class: className,
      style,
    },
    slotted,
  );
}

export default TokenDashboard;
