/** A request that was kept, and what it was answered. */
export interface KeptRequest {
  at: string;
  id: string;
  release: string;
  method: string;
  path: string;
  status: number;
  ms: number;
  request?: unknown;
  answer?: unknown;
}
