import { MonthlyRenewalService, TokenService, type ConnectionOptions, type TokenMetrics } from "@ltlm/server";

/** What the handlers work with, beside the tokens. */
export interface Surroundings {
  /** Makes an image; throws if it cannot. */
  generateImage(prompt: string): Promise<string>;
  /** Answers a message. */
  chat(message: string): Promise<string>;
  /** Tells a user something. */
  notify(userId: string, message: { title: string; message: string }): Promise<void>;
  /** Forgets what is cached of a user. */
  forget(userId: string): Promise<void>;
  /** Notes what an operation came to. */
  note(metrics: TokenMetrics): void;
}

const IMAGE_COST = 10;
const CHAT_COST = 5;

/** What each tier gives when it is bought. */
const TIERS = { Gift: 100, Professional: 2_000, Business: 10_000 } as const;

export type Tier = keyof typeof TIERS;

/** The use cases of a service that charges its users. The numbers are those of the examples of seed 002. */
export function accounting(connection: ConnectionOptions, surroundings: Surroundings) {
  // 1. Where the seeds' service takes a database, this one takes an address and a key.
  const tokens = new TokenService({
    ...connection,
    cacheInvalidationCallback: (userId) => surroundings.forget(userId),
    metricsCallback: (metrics) => surroundings.note(metrics),
  });
  const renewals = new MonthlyRenewalService(connection);
  const ledger = tokens.getLedger();

  return {
    tokens,
    renewals,

    /** 2. Charged before the work, refunded if it fails. */
    async handleImageGeneration(userId: string, prompt: string) {
      const affordability = await tokens.canAfford(userId, "image_generation");
      if (!affordability.canAfford) {
        const { cost, balance, deficit } = affordability;
        throw new Error(`Insufficient tokens. You need ${cost} tokens but have ${balance}. Please add ${deficit} more tokens.`);
      }
      const charge = await tokens.chargeForOperation(userId, "image_generation", { prompt, model: "an-image-model" });
      if (!charge.success) {
        throw new Error(charge.error);
      }
      try {
        const imageUrl = await surroundings.generateImage(prompt);
        return { imageUrl, tokensCharged: IMAGE_COST, remainingBalance: charge.newBalance };
      } catch (error) {
        await tokens.refund(userId, IMAGE_COST, { reason: "Generation failed", error: textOf(error) });
        throw error;
      }
    },

    /** 3. */
    async handleChatMessage(userId: string, message: string) {
      const affordability = await tokens.canAfford(userId, "chatgpt_message");
      if (!affordability.canAfford) {
        return { error: "Insufficient tokens", deficit: affordability.deficit, balance: affordability.balance };
      }
      const result = await tokens.chargeForOperation(userId, "chatgpt_message", { message, conversationId: "conv-123" });
      if (!result.success) {
        return { error: result.error };
      }
      const response = await surroundings.chat(message);
      return { response, tokensCharged: CHAT_COST, remainingBalance: result.newBalance };
    },

    /** 4. The payment's id names the operation: a payment that is told twice is credited once. */
    async handleSubscriptionPurchase(userId: string, tier: Tier, paymentId: string) {
      const result = await tokens.changePlan(userId, tier, {
        operationId: paymentId,
        metadata: { tier, paymentId, priceRubles: tier === "Professional" ? 1_990 : 3_490 },
      });
      if (!result.success) {
        throw new Error(`Failed to credit tokens: ${result.error}`);
      }
      return { success: true, tokensAdded: TIERS[tier], newBalance: result.newBalance };
    },

    /** 5. */
    async getUserBalance(userId: string) {
      const balance = await tokens.getBalance(userId);
      if (!balance) {
        throw new Error("User not found");
      }
      const { tokensBalance, tokensSpent, tier, lastRenewalAt } = balance;
      return { balance: tokensBalance, spent: tokensSpent, tier, lastRenewal: lastRenewalAt };
    },

    /** 6. */
    async getTransactionHistory(userId: string, page = 1, limit = 20) {
      const entries = await ledger.getUserEntries(userId, { limit, offset: (page - 1) * limit });
      return {
        page,
        perPage: limit,
        entries: entries.map((entry) => ({
          id: entry.id,
          type: entry.operationType,
          amount: entry.tokensAmount,
          balanceBefore: entry.balanceBefore,
          balanceAfter: entry.balanceAfter,
          date: entry.createdAt,
          metadata: entry.metadata,
        })),
      };
    },

    /** 7. */
    async getUserStatistics(userId: string, startDate: Date, endDate: Date) {
      const stats = await ledger.getUserStatistics(userId, startDate, endDate);
      return {
        totalSpent: stats.totalSpent,
        totalEarned: stats.totalEarned,
        netChange: stats.netChange,
        operations: stats.operationCount,
        averagePerOperation: stats.totalSpent / stats.operationCount,
      };
    },

    /** 8. */
    async renewUserManually(userId: string) {
      const { eligible, reason, nextRenewalDate, daysUntilRenewal } = await renewals.checkEligibility(userId);
      if (!eligible) {
        return { success: false, reason, nextRenewalDate, daysUntilRenewal };
      }
      return renewals.renewUser(userId);
    },

    /** 9. What the seeds' worker does daily. The service's schedule does it by itself, so nobody need call this. */
    async runMonthlyRenewal() {
      const result = await renewals.renewAllEligible({ continueOnError: true, limit: 1_000 });
      const isAlarming = result.failed > result.successful * 0.1;
      return { ...result, isAlarming };
    },

    /** 10. */
    async testRenewalProcess() {
      return renewals.renewAllEligible({ dryRun: true, tier: "Gift" });
    },

    /** 11. */
    async awardBonusTokens(userId: string, amount: number, reason: string) {
      const metadata = { reason, type: "bonus", awardedBy: "system" };
      const result = await tokens.credit(userId, { operationType: "purchase", amount, metadata });
      if (result.success) {
        await surroundings.notify(userId, {
          title: "Bonus tokens received",
          message: `You have received ${amount} bonus tokens. Reason: ${reason}`,
        });
      }
      return result;
    },

    /** 12. Charged once, tried several times, refunded if all fail. */
    async processGenerationWithRetry(userId: string, prompt: string, maxRetries = 3, pauseMs = 1_000) {
      const charge = await tokens.chargeForOperation(userId, "image_generation", { prompt, maxRetries });
      if (!charge.success) {
        throw new Error(charge.error);
      }
      let lastError: unknown;
      for (let attempt = 1; attempt <= maxRetries; attempt += 1) {
        try {
          const result = await surroundings.generateImage(prompt);
          return { success: true, result, attempts: attempt, tokensCharged: IMAGE_COST };
        } catch (error) {
          lastError = error;
          if (attempt < maxRetries) {
            await new Promise((resolve) => setTimeout(resolve, pauseMs * attempt));
          }
        }
      }
      await tokens.refund(userId, IMAGE_COST, {
        reason: "All generation attempts failed",
        attempts: maxRetries,
        lastError: textOf(lastError),
      });
      throw lastError;
    },

    /** 13. */
    async generateMonthlyReport(userId: string, now: Date) {
      const start = new Date(now.getFullYear(), now.getMonth(), 1);
      const end = new Date(now.getFullYear(), now.getMonth() + 1, 0, 23, 59, 59, 999);
      const stats = await ledger.getUserStatistics(userId, start, end);
      const of = async (operationType: string) => {
        const entries = await ledger.getUserEntries(userId, { operationType, startDate: start, endDate: end });
        return { count: entries.length, tokensSpent: entries.reduce((sum, entry) => sum + Math.abs(entry.tokensAmount), 0) };
      };
      return {
        period: { start, end },
        summary: {
          totalSpent: stats.totalSpent,
          totalEarned: stats.totalEarned,
          netChange: stats.netChange,
          operations: stats.operationCount,
        },
        breakdown: { imageGenerations: await of("image_generation"), chatMessages: await of("chatgpt_message") },
      };
    },

    /** 14. */
    async safeTokenOperation(userId: string, operationType: string, amount: number) {
      const result = await tokens.debit(userId, { operationType, amount });
      if (result.success) {
        return { status: "success", newBalance: result.newBalance, ledgerEntryId: result.ledgerEntryId };
      }
      if (result.error.includes("Insufficient tokens")) {
        return { status: "insufficient_tokens", message: "Please purchase more tokens to continue", balance: result.newBalance };
      }
      if (result.error.includes("User not found")) {
        return { status: "user_not_found", message: "User account not found" };
      }
      return { status: "error", message: result.error };
    },
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
