-- Sends actual requests for many buckets in turn. Prints one line of JSON instead of a report.

local BUCKETS = 100
local turn = 0

request = function()
  turn = (turn + 1) % BUCKETS
  local path = string.format("/bucket-%07d/photos/cat.png", turn)
  return wrk.format("GET", path, { Origin = "https://www.example.com" })
end

done = function(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format(
    '\n{"per_second": %f, "median": %f, "p999": %f, "errors": %d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50),
    latency:percentile(99.9),
    errors
  ))
end
