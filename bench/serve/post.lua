-- Posts the row in ROW; prints what the bench reads, as JSON, in microseconds.
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = os.getenv("ROW")
wrk.headers["authorization"] = os.getenv("AUTHORIZATION")

function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('\n{"requests":%d,"seconds":%f,"errors":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration / 1e6, bad, latency:percentile(50), latency:percentile(99)))
end
