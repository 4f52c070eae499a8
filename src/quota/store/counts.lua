-- Counts that several gateways share. KEYS: those of the counters, and at the end that of the gateways. ARGV[1]: what
-- is asked, as JSON. All times are microseconds of this server's clock; what one call does happens as a whole.
--
-- `ask` spends what is wanted of all counters or of none; `report` spends, whatever there is; `raise` puts what a
-- gateway knows in the place of less; `beat` says that a gateway is alive. The first letter of a state says what it counts:
--   w  a sliding window:   {'w', until, amount, until, amount, ...} with the moment of each run's last spending
--   c  a calendar window:  {'c', start, end, amount}
--   b  a token bucket:     {'b', missing parts, parts to the token, when, when it is full}
--   u  what is under way:  {'u', gateway, number, gateway, number, ...}

local asked = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gateways = KEYS[#KEYS]
local LONGEST = 3660 * 86400 * 1000000
local RUNS = 64

local function lives(gateway)
  local seen = redis.call('ZSCORE', gateways, gateway)
  return seen and now - seen < asked.patience
end

local kinds = { w = {}, c = {}, b = {}, u = {} }

function kinds.w.settle(counter, state)
  local kept = { 'w' }
  for i = 2, #state, 2 do
    if state[i] + counter.window > now then
      kept[#kept + 1] = state[i]
      kept[#kept + 1] = state[i + 1]
    end
  end
  return kept
end

function kinds.w.used(state)
  local sum = 0
  for i = 3, #state, 2 do sum = sum + state[i] end
  return sum
end

function kinds.w.spend(counter, state, amount)
  local n, at = #state, now
  if n > 1 and state[n - 1] > at then at = state[n - 1] end
  local slice = math.max(1, math.floor(counter.window / RUNS))
  if n > 2 * RUNS and math.floor(state[n - 1] / slice) == math.floor(at / slice) then
    state[n - 1] = at
    state[n] = state[n] + amount
  else
    state[n + 1] = at
    state[n + 2] = amount
  end
end

function kinds.w.wait(counter, state, excess)
  local sum = 0
  for i = 2, #state, 2 do
    sum = sum + state[i + 1]
    if sum >= excess then return state[i] + counter.window - now end
  end
  return 0
end

function kinds.w.life(counter, state)
  if #state < 2 then return 0 end
  return state[#state - 1] + counter.window - now
end

function kinds.w.told(_, state)
  local told = {}
  for i = 2, #state, 2 do
    told[#told + 1] = now - state[i]
    told[#told + 1] = state[i + 1]
  end
  return told
end

function kinds.c.settle(counter, state)
  if #state == 1 then return { 'c', counter.start, counter.finish, 0 } end
  if state[2] == counter.start and state[3] == counter.finish then return state end
  -- This clock was set back: nothing is handed out twice.
  if state[2] > now and state[2] - now <= state[3] - state[2] then return state end
  local counts = state[2] >= counter.start or state[3] > now
  return { 'c', counter.start, counter.finish, counts and state[4] or 0 }
end

function kinds.c.used(state) return state[4] or 0 end

function kinds.c.spend(_, state, amount) state[4] = state[4] + amount end

function kinds.c.wait(_, state) return state[3] - now end

function kinds.c.life(_, state)
  if kinds.c.used(state) == 0 then return 0 end
  return state[3] - now
end

function kinds.c.told(_, state) return { state[4] } end

function kinds.b.settle(counter, state)
  if #state == 1 then return { 'b', 0, counter.parts, now, now } end
  local missing, at = state[2], state[4]
  if state[3] ~= counter.parts then missing = math.ceil(missing * counter.parts / state[3]) end
  local ticks = math.floor((now - at) / counter.tick)
  if ticks > 0 then
    missing = math.max(0, missing - counter.rate * ticks)
    at = at + ticks * counter.tick
  end
  if missing == 0 then at = math.max(at, now) end
  return { 'b', missing, counter.parts, at, state[5] }
end

function kinds.b.used(state) return state[2] and math.ceil(state[2] / state[3]) or 0 end

local function ready(counter, missing)
  if missing <= 0 then return 0 end
  if counter.rate == 0 then return LONGEST end
  return math.ceil(missing / counter.rate) * counter.tick
end

function kinds.b.spend(counter, state, amount)
  local all = counter.quota * counter.parts
  state[2] = math.min(state[2] + amount * counter.parts, math.max(all, state[2]))
  state[5] = state[4] + ready(counter, state[2])
end

function kinds.b.wait(counter, state, _, amount)
  if counter.rate == 0 then return -1 end
  local may_miss = (counter.quota - amount) * counter.parts
  return state[4] + ready(counter, state[2] - may_miss) - now
end

function kinds.b.life(_, state) return kinds.b.used(state) == 0 and 0 or state[5] - now end

function kinds.b.told(_, state) return { state[2], now - state[4], state[5] - now } end

function kinds.u.settle(counter, state)
  local kept = { 'u' }
  for i = 2, #state, 2 do
    local is_own = state[i] == asked.gateway
    if not (is_own and counter.held) and (is_own or lives(state[i])) then
      kept[#kept + 1] = state[i]
      kept[#kept + 1] = state[i + 1]
    end
  end
  if counter.held and counter.held > 0 then
    kept[#kept + 1] = asked.gateway
    kept[#kept + 1] = counter.held
  end
  return kept
end

kinds.u.used = kinds.w.used

function kinds.u.spend(_, state, amount)
  if amount == 0 then return end
  for i = 2, #state, 2 do
    if state[i] == asked.gateway then
      state[i + 1] = state[i + 1] + amount
      return
    end
  end
  state[#state + 1] = asked.gateway
  state[#state + 1] = amount
end

function kinds.u.wait() return -2 end

-- Gateways say again what is under way once a minute.
function kinds.u.life(_, state) return #state > 1 and 600 * 1000000 or 0 end

function kinds.u.told(_, state)
  local others = 0
  for i = 2, #state, 2 do
    if state[i] ~= asked.gateway then others = others + state[i + 1] end
  end
  return { others }
end

local states = {}

local function load(key, counter)
  if states[key] then return states[key] end
  local kind = kinds[counter.kind]
  local packed = redis.call('GET', key)
  local state = packed and cmsgpack.unpack(packed) or { counter.kind }
  if state[1] == counter.kind then
    state = kind.settle(counter, state)
  else
    -- Another kind of limit: what is in force counts as spent now. What is under way is another matter.
    local used = kinds[state[1]].used(state)
    local carries = state[1] ~= 'u' and counter.kind ~= 'u' and used > 0
    state = kind.settle(counter, { counter.kind })
    if carries then kind.spend(counter, state, used) end
  end
  states[key] = state
  return state
end

local function save(key, counter, state)
  local life = kinds[counter.kind].life(counter, state)
  if life <= 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, cmsgpack.pack(state), 'PX', math.ceil(math.min(life, LONGEST) / 1000) + 1)
  end
end

local function is_late(counter)
  return counter.kind == 'c' and (now < counter.start or now >= counter.finish)
end

local function wait(key, counter, before)
  if counter.soft then return 0 end
  local amount = math.max(counter.amount, 1) + before
  if amount > counter.quota then return -1 end
  local state = load(key, counter)
  local excess = kinds[counter.kind].used(state) + amount - counter.quota
  if excess <= 0 then return 0 end
  return kinds[counter.kind].wait(counter, state, excess, amount)
end

-- The one of two waits that ends later: never, then with a release, then after so long.
local function later(one, other)
  if one == -1 or other == -1 then return -1 end
  if one == -2 or other == -2 then return -2 end
  return math.max(one, other)
end

local function answer(verdict, longest)
  local told = { now, verdict, longest }
  for i, counter in ipairs(asked.counters) do
    local kind = kinds[counter.kind]
    if is_late(counter) then
      told[#told + 1] = {}
    else
      local state = load(KEYS[i], counter)
      told[#told + 1] = { kind.used(state), math.max(0, kind.life(counter, state)), unpack(kind.told(counter, state)) }
    end
  end
  return told
end

if asked.verb == 'beat' then
  redis.call('ZADD', gateways, now, asked.gateway)
  redis.call('ZREMRANGEBYSCORE', gateways, '-inf', now - asked.patience)
  redis.call('PEXPIRE', gateways, 600000)
  return { now, 0, 0 }
end

if asked.verb == 'raise' then
  for i, counter in ipairs(asked.counters) do
    local packed = redis.call('GET', KEYS[i])
    local theirs = packed and cmsgpack.unpack(packed)
    local mine = { counter.kind }
    if counter.kind == 'w' then
      for j = 1, #counter.known, 2 do
        mine[#mine + 1] = now - counter.known[j]
        mine[#mine + 1] = counter.known[j + 1]
      end
    elseif counter.kind == 'c' then
      mine = { 'c', counter.start, counter.finish, counter.known[1] }
    else
      mine = { 'b', counter.known[1], counter.parts, now - counter.known[2], now + counter.known[3] }
    end
    local is_more = not theirs or theirs[1] ~= counter.kind
    if not is_more and counter.kind == 'w' then
      is_more = kinds.w.used(kinds.w.settle(counter, theirs)) < kinds.w.used(mine)
    elseif not is_more and counter.kind == 'c' then
      is_more = theirs[2] < mine[2] or theirs[2] == mine[2] and theirs[4] < mine[4]
    elseif not is_more then
      is_more = theirs[5] < mine[5]
    end
    if is_more then save(KEYS[i], counter, mine) end
  end
  return { now }
end

if asked.verb == 'ask' then
  local refused, longest, before = 0, 0, {}
  for i, counter in ipairs(asked.counters) do
    if is_late(counter) then return { now, -1, 0 } end
    local waits = wait(KEYS[i], counter, before[KEYS[i]] or 0)
    if waits ~= 0 then
      if refused == 0 then refused = i end
      longest = later(longest, waits)
    end
    before[KEYS[i]] = (before[KEYS[i]] or 0) + counter.amount
  end
  if refused > 0 then return answer(refused, longest) end
end

for i, counter in ipairs(asked.counters) do
  if not is_late(counter) then kinds[counter.kind].spend(counter, load(KEYS[i], counter), counter.amount) end
end
for i, counter in ipairs(asked.counters) do
  if not is_late(counter) then save(KEYS[i], counter, load(KEYS[i], counter)) end
end
return answer(0, 0)
