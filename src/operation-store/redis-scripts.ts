import type { OperationRecord } from './record-format.js';

/**
 * The Lua scripts of the Redis store. Redis runs each as one atomic step.
 *
 * A script reads only those fields of a record that it needs to decide; `RecordCodec` validates the whole. A failed
 * script is not rolled back, so its writes up to then must be correct without the rest.
 */

// The braces put all keys into one slot of a Redis Cluster, so that a script may use several of them.
const PREFIX = 'dli-gateway:{once}:';

/** Keys, and prefixes that end in a colon. */
// Stored: do not rename.
export const KEYS = {
  record: `${PREFIX}record:`,
  name: `${PREFIX}name:`,
  connection: `${PREFIX}connection:`,
  deletion: `${PREFIX}deletion:`,
  open: `${PREFIX}open`,
  secret: `${PREFIX}secret`,
  server: `${PREFIX}server`,
  loss: `${PREFIX}loss`,
  count: `${PREFIX}count:`,
  probe: `${PREFIX}probe`,
  probeIndex: `${PREFIX}probe-index`,
} as const;

/** The keys that change with a record: its own, its name's, and the index of open records. */
export function keysOf({ id, nameId }: Pick<OperationRecord, 'id' | 'nameId'>): string[] {
  return [KEYS.record + id, KEYS.name + nameId, KEYS.open];
}

const READ = `
local function read(key)
  local text = redis.pcall('GET', key)
  if type(text) ~= 'table' then return text end
  -- Another type of key: an empty text is no record.
  if string.match(text.err, '^%-?WRONGTYPE') then return '' end
  return redis.call('GET', key)
end
local function decode(text)
  local isJson, value = pcall(cjson.decode, text)
  -- A record of the next version has the fields of this one in their old meaning.
  if isJson and type(value) == 'table' and (value.version == 1 or value.version == 2) then return value end
  return {}
end
local function current(key, nowMs)
  local text = read(key)
  if not text then return false end
  local expiresAtMs = decode(text).expiresAtMs
  if type(expiresAtMs) == 'number' and expiresAtMs <= tonumber(nowMs) then return false end
  return text
end
local function isHeldByAnother(nameKey, id, nowMs, prefix)
  local holderId = read(nameKey)
  if not holderId or holderId == id then return false end
  -- An unreadable holder may hold the name.
  return not string.match(holderId, '^%x+$') or current(prefix .. holderId, nowMs) ~= false
end
local function store(key, text, expiresAtMs)
  redis.call('SET', key, text)
  redis.call('PEXPIREAT', key, expiresAtMs)
end
`;

// The run_id changes with a failover or a restart, which may lose the last writes.
const SERVER = `
local function serverId()
  local info = redis.pcall('INFO', 'server')
  -- A user without the right to INFO has no run_id.
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)')
end
`;

// A missing secret or count is written back, so that the gateways keep one secret, and a loss is noted once.
const LOSS_DETECTOR = `${SERVER}
local hasNotedLoss = 0
local function isSecretReplaced(keys, args, nowMs)
  local secretKey, lossKey, countKey, serverKey = unpack(keys)
  local secret, count, lostForMs, countKeptMs = unpack(args)
  local stored, server, knownServer = read(secretKey), serverId(), read(serverKey)
  local isSecretGone = secret ~= '' and stored ~= secret
  local isBehind = (tonumber(read(countKey) or '') or 0) < tonumber(count)
  local isOtherServer = server and server ~= knownServer
  if isSecretGone or isBehind or (isOtherServer and knownServer) then
    redis.call('SET', lossKey, nowMs, 'PX', lostForMs)
    hasNotedLoss = 1
  end
  if isOtherServer then redis.call('SET', serverKey, server) end
  if isSecretGone and stored then return true end
  if isSecretGone then redis.call('SET', secretKey, secret) end
  if isBehind then redis.call('SET', countKey, count, 'PX', countKeptMs) end
  return false
end
local function countOne(keys, args)
  local count = (tonumber(read(keys[3]) or '') or 0) + 1
  redis.call('SET', keys[3], count, 'PX', args[4])
  return count
end
`;

/**
 * Notes a loss before records are begun. Keys: those of the loss detector. Arguments: those of the loss detector and
 * nowMs. Returns 1 if it has noted one.
 */
export const HANDSHAKE = `${READ}${LOSS_DETECTOR}
isSecretReplaced(KEYS, ARGV, ARGV[5])
return hasNotedLoss
`;

/**
 * Executes each command of the other scripts, on keys of its own that it removes. Fails where one is not allowed, or
 * writes are refused, for example by a replica. Keys: a text, an index.
 *
 * One command a line, because Redis names the line of a refused command.
 */
export const PROBE = `
redis.call('SET', KEYS[1], '', 'PX', 60000)
redis.call('GET', KEYS[1])
redis.call('EXISTS', KEYS[1])
redis.call('PEXPIREAT', KEYS[1], 1)
redis.call('ZADD', KEYS[2], 0, '1')
redis.call('ZRANGEBYSCORE', KEYS[2], 0, 0)
redis.call('ZREM', KEYS[2], '1')
redis.call('DEL', KEYS[1], KEYS[2])
return 1
`;

/**
 * Keys: those of the loss detector, record, name, open. Arguments: those of the loss detector, id, text, nowMs,
 * expiresAtMs, ownedUntilMs, prefix of record keys. Returns the result, 1 if it has noted a loss, a text or the count,
 * and 1 after a loss.
 */
export const BEGIN = `${READ}${LOSS_DETECTOR}
local id, text, nowMs, expiresAtMs, ownedUntilMs, prefix = unpack(ARGV, 5)
if isSecretReplaced(KEYS, ARGV, nowMs) then return {'secretReplaced', hasNotedLoss} end
local stored = current(KEYS[5], nowMs)
if stored then return {'exists', hasNotedLoss, stored} end
local holderId = read(KEYS[6])
if holderId and not string.match(holderId, '^%x+$') then return {'unreadable', hasNotedLoss} end
local holder = holderId and current(prefix .. holderId, nowMs)
if holder then return {'nameHeld', hasNotedLoss, holder} end
redis.call('ZADD', KEYS[7], ownedUntilMs, id)
store(KEYS[5], text, expiresAtMs)
store(KEYS[6], id, expiresAtMs)
-- A clock of Redis that is far ahead expires the record at once.
if redis.call('EXISTS', KEYS[5], KEYS[6]) < 2 then return {'forgotten', hasNotedLoss} end
return {'begun', hasNotedLoss, countOne(KEYS, ARGV), redis.call('EXISTS', KEYS[2])}
`;

/**
 * Keys: record, name, open, and the connection of a success. Arguments: id, text, owner, expiresAtMs, ownedUntilMs,
 * 1 when it is open, and when the claim of a success expires.
 */
export const REPLACE = `${READ}
local id, text, owner, expiresAtMs, ownedUntilMs, isOpen, claimedUntilMs = unpack(ARGV)
if claimedUntilMs and not read(KEYS[4]) then store(KEYS[4], id, claimedUntilMs) end
local stored = read(KEYS[1])
if not stored or decode(stored).owner ~= owner then return 0 end
local holderId = read(KEYS[2])
if isOpen == '1' then
  redis.call('ZADD', KEYS[3], ownedUntilMs, id)
  store(KEYS[1], text, expiresAtMs)
  if not holderId or holderId == id then store(KEYS[2], id, expiresAtMs) end
else
  store(KEYS[1], text, expiresAtMs)
  redis.call('ZREM', KEYS[3], id)
  if holderId == id then redis.call('DEL', KEYS[2]) end
end
return 1
`;

/** Keys: record, open. Arguments: id, expected text, text, expiresAtMs, ownedUntilMs. */
export const TAKE_OVER = `${READ}
local id, expected, text, expiresAtMs, ownedUntilMs = unpack(ARGV)
if read(KEYS[1]) ~= expected then return 0 end
redis.call('ZADD', KEYS[2], 'XX', ownedUntilMs, id)
store(KEYS[1], text, expiresAtMs)
return 1
`;

/** Keys: record, open. Arguments: id, owner, prefix of name keys. */
export const REMOVE = `${READ}
local id, owner, prefix = unpack(ARGV)
local stored = read(KEYS[1])
local record = stored and decode(stored)
if not record or record.owner ~= owner then return 0 end
local name = prefix .. tostring(record.nameId)
if read(name) == id then redis.call('DEL', name) end
redis.call('ZREM', KEYS[2], id)
redis.call('DEL', KEYS[1])
return 1
`;

/** Keys: connection, name. Arguments: id, nowMs, expiresAtMs, prefix of record keys. */
export const CLAIM = `${READ}
local id, nowMs, expiresAtMs, prefix = unpack(ARGV)
local claimant = read(KEYS[1])
if claimant and claimant ~= id then return 0 end
if not claimant and isHeldByAnother(KEYS[2], id, nowMs, prefix) then return 0 end
store(KEYS[1], id, expiresAtMs)
return 1
`;

/** Keys: deletion. Arguments: expiresAtMs. Returns 0 when a clock of Redis that is far ahead expires it at once. */
export const NOTE_DELETION = `${READ}
store(KEYS[1], ARGV[1], ARGV[1])
return redis.call('EXISTS', KEYS[1])
`;

/** Keys: deletion. Arguments: nowMs. */
export const HAS_DELETION = `${READ}
local expiresAtMs = tonumber(read(KEYS[1]) or '')
if expiresAtMs and expiresAtMs > tonumber(ARGV[1]) then return 1 end
return 0
`;

/** Keys: open. Arguments: nowMs. */
export const HAS_ABANDONED = `
return #redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
`;

/**
 * Keys: open. Arguments: projectId, nowMs, prefix of record keys, offset, limit. Returns how many ids there were, how
 * many of them are left, and the texts, with those that cannot be read. Removes ids of expired records.
 */
export const FIND_ABANDONED = `${READ}
local projectId, nowMs, prefix, offset, limit = unpack(ARGV)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', nowMs, 'LIMIT', offset, limit)
local found = {#ids, #ids}
for _, id in ipairs(ids) do
  local text = current(prefix .. id, nowMs)
  if not text then
    redis.call('ZREM', KEYS[1], id)
    found[2] = found[2] - 1
  elseif (decode(text).projectId or projectId) == projectId then
    found[#found + 1] = text
  end
end
return found
`;

/**
 * Keys: open. Arguments: nowMs, prefix of record keys, offset, limit. Returns how many ids there were, and the state
 * and the last send time of open records.
 */
export const FIND_OPEN = `${READ}
local nowMs, prefix, offset, limit = unpack(ARGV)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'LIMIT', offset, limit)
local found = {#ids}
for _, id in ipairs(ids) do
  local record = decode(current(prefix .. id, nowMs) or '')
  -- After a loss of records sentAtMs is days before the create was sent.
  local sentAtMs = record.lastSentAtMs or record.sentAtMs
  if type(record.state) == 'string' and type(sentAtMs) == 'number' then
    found[#found + 1] = record.state .. ' ' .. string.format('%.0f', sentAtMs)
  end
end
return found
`;

/** Keys: record, loss. Returns the text, nil, or an empty text for another type of key; and 1 after a loss. */
export const FIND = `${READ}
return {read(KEYS[1]), redis.call('EXISTS', KEYS[2])}
`;

/** Keys: secret, server. Arguments: a new secret, used unless there is one. Also notes the server's run_id. */
export const SECRET = `${SERVER}
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  local server = serverId()
  if server then redis.call('SET', KEYS[2], server) end
end
return redis.call('GET', KEYS[1])
`;
