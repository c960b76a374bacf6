// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers that the ledger's `outcome` column holds.

export const Outcome = { success: 0, clientError: 1, upstreamError: 2, clientClosed: 3 };
