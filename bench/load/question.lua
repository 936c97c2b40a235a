-- One connection of wrk: its own token, a number drawn for every request, every answer looked at.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

-- args: file of tokens (one a line), file of the body with @ID@ where the number stands, greatest number
function init(args)
  bad, seen, ids = 0, "", tonumber(args[3])
  local token, line = "", 0
  for text in io.lines(args[1]) do
    line = line + 1
    if line == number then token = text end
  end
  local file = assert(io.open(args[2], "r"))
  local body = file:read("*a")
  file:close()
  local at = body:find("@ID@", 1, true)
  before, after = body, ""
  if at then before, after = body:sub(1, at - 1), body:sub(at + 4) end
  headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  drawn = after ~= ""
  math.randomseed(number * 7919)
end

function request()
  local body = before
  if drawn then body = before .. math.random(1, ids) .. after end
  return wrk.format("POST", nil, headers, body)
end

function response(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) then
    bad = bad + 1
    if seen == "" then seen = status .. " " .. body:sub(1, 300) end
  end
end

function done(summary, latency)
  local e, bad, seen = summary.errors, 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("bad")
    if seen == "" then seen = thread:get("seen") end
  end
  io.write(string.format("\nRESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, bad))
  if seen ~= "" then io.write("SEEN ", seen, "\n") end
end
