import type { Called, CallOptions } from "../core/call.ts";

/** A service as this computer reaches it. */
export interface Reached {
  /** Below it lies every path of the API; undefined: only the model's own route is led to. */
  base?: string;
  url: string;
  /** `signal`: instead of the session's. @throws Failure request.failed */
  call(options: CallOptions, signal?: AbortSignal): Promise<Called>;
}
