import { expect, test, vi } from "vitest";
import { EdgeAddress } from "./edge-address.ts";

test("only the edge is the edge; who is not makes no storm of questions, and a name that leads nowhere changes nothing", async () => {
  vi.useFakeTimers();
  try {
    const look = vi.fn<() => Promise<string[]>>(() => Promise.resolve(["172.30.80.2"]));
    const edge = new EdgeAddress(look);
    expect(edge.knows("172.30.80.2")).toBe(false);
    expect(await edge.is("172.30.80.2")).toBe(true);
    expect(edge.knows("::ffff:172.30.80.2")).toBe(true);
    for (let datagram = 0; datagram < 1000; datagram++) expect(edge.knows("172.30.80.77")).toBe(false);
    expect(await edge.is(undefined)).toBe(false);
    expect(look).toHaveBeenCalledTimes(1);
    look.mockRejectedValueOnce(new Error("ENOTFOUND"));
    vi.advanceTimersByTime(6000);
    expect(await edge.is("172.30.80.2")).toBe(true);
    look.mockResolvedValueOnce(["172.30.80.3"]);
    vi.advanceTimersByTime(6000);
    expect(await edge.is("172.30.80.3")).toBe(true);
    expect(edge.knows("172.30.80.2")).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});
