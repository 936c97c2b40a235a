// De-duplication would answer one caller with what another asked for, and measure something else.
export const gatewayConfig = {
  logging: "error",
  transportEntries: { "*": { options: { deduplicateInflightRequests: false } } },
};
