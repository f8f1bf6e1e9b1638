"""The commands of Redis: which of them write, which of those take memory, and which ask the store for nothing that it holds."""

from __future__ import annotations

FILL = (
    "APPEND", "BITFIELD", "BITOP", "BLMOVE", "BRPOPLPUSH", "COPY", "DECR", "DECRBY", "GEOADD", "GEORADIUS", "GEORADIUSBYMEMBER",
    "GEOSEARCHSTORE", "GETSET", "HINCRBY", "HINCRBYFLOAT", "HMSET", "HSET", "HSETEX", "HSETNX", "INCR", "INCRBY", "INCRBYFLOAT",
    "LINSERT", "LMOVE", "LPUSH", "LPUSHX", "LSET", "MSET", "MSETEX", "MSETNX", "PFADD", "PFMERGE", "PSETEX", "RESTORE", "RPOPLPUSH",
    "RPUSH", "RPUSHX", "SADD", "SDIFFSTORE", "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "SINTERSTORE", "SORT", "SUNIONSTORE",
    "VADD", "VSETATTR", "XADD", "XGROUP", "XSETID", "ZADD", "ZDIFFSTORE", "ZINCRBY", "ZINTERSTORE", "ZRANGESTORE", "ZUNIONSTORE",
)  # fmt: skip
"""Those with the flag ``denyoom`` in `COMMAND` of Redis 6.2, and what later versions added to them."""
WRITE = (
    *FILL,
    "BLMPOP", "BLPOP", "BRPOP", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "DEL", "DELEX", "DELIFEQ", "EXPIRE", "EXPIREAT", "FLUSHALL",
    "FLUSHDB", "GETDEL", "GETEX", "HDEL", "HEXPIRE", "HEXPIREAT", "HGETDEL", "HGETEX", "HPERSIST", "HPEXPIRE", "HPEXPIREAT", "LMPOP",
    "LPOP", "LREM", "LTRIM", "MIGRATE", "MOVE", "PERSIST", "PEXPIRE", "PEXPIREAT", "RENAME", "RENAMENX", "RPOP", "SMOVE", "SPOP",
    "SREM", "SWAPDB", "UNLINK", "VREM", "XACK", "XACKDEL", "XAUTOCLAIM", "XCFGSET", "XCLAIM", "XDEL", "XDELEX", "XREADGROUP", "XTRIM",
    "ZMPOP", "ZPOPMAX", "ZPOPMIN", "ZREM", "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE",
)  # fmt: skip
"""Those with the flag ``write``, likewise."""
HOUSEKEEPING = frozenset(
    {
        "ACL", "ASKING", "AUTH", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "ECHO", "HELLO", "INFO", "LASTSAVE", "LATENCY",
        "LOLWUT", "MEMORY", "MODULE", "PING", "QUIT", "READONLY", "READWRITE", "RESET", "ROLE", "SELECT", "SENTINEL", "SLOWLOG", "TIME",
    }
)  # fmt: skip
"""By these a connection is opened, kept and closed, and a server looked at (the groups connection, server and cluster of its manual).

And by these a client is told at which other address it should ask (``CLUSTER``, ``SENTINEL``): that is no use of this one."""
LISTEN = frozenset({"MONITOR", "PSUBSCRIBE", "PSYNC", "SSUBSCRIBE", "SUBSCRIBE", "SYNC"})
"""After these a connection is there for what comes unasked."""
OTHER_TALK = LISTEN | {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "REPLCONF"}
"""After these, what comes back is no longer one reply for each command."""
SPARED = frozenset(
    {"HELLO", "AUTH", "SELECT", "CLIENT", "QUIT", "RESET", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"}
)
"""How a connection is opened and closed, and what holds a transaction together; no fault answers them."""
_OTHERS = (
    "BGREWRITEAOF", "BGSAVE", "BITCOUNT", "BITFIELD_RO", "BITPOS", "COMMANDLOG", "DEBUG", "DIGEST", "DISCARD", "DUMP", "EVAL",
    "EVAL_RO", "EVALSHA", "EVALSHA_RO", "EXEC", "EXISTS", "EXPIRETIME", "FAILOVER", "FCALL", "FCALL_RO", "FUNCTION", "GEODIST",
    "GEOHASH", "GEOPOS", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH", "GET", "GETBIT", "GETRANGE", "HEXISTS", "HEXPIRETIME",
    "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HOTKEYS", "HPEXPIRETIME", "HPTTL", "HRANDFIELD", "HSCAN", "HSTRLEN", "HTTL", "HVALS",
    "KEYS", "LCS", "LINDEX", "LLEN", "LPOS", "LRANGE", "MGET", "MULTI", "OBJECT", "PEXPIRETIME", "PFCOUNT", "PFDEBUG", "PFSELFTEST",
    "PTTL", "PUBLISH", "PUBSUB", "PUNSUBSCRIBE", "RANDOMKEY", "REPLCONF", "REPLICAOF", "SAVE", "SCAN", "SCARD", "SCRIPT", "SDIFF",
    "SHUTDOWN", "SINTER", "SINTERCARD", "SISMEMBER", "SLAVEOF", "SMEMBERS", "SMISMEMBER", "SORT_RO", "SPUBLISH", "SRANDMEMBER", "SSCAN",
    "STRALGO", "STRLEN", "SUBSTR", "SUNION", "SUNSUBSCRIBE", "TOUCH", "TTL", "TYPE", "UNSUBSCRIBE", "UNWATCH", "VCARD", "VDIM", "VEMB",
    "VGETATTR", "VINFO", "VISMEMBER", "VLINKS", "VRANDMEMBER", "VRANGE", "VSIM", "WAIT", "WAITAOF", "WATCH", "XINFO", "XLEN",
    "XPENDING", "XRANGE", "XREAD", "XREVRANGE", "ZCARD", "ZCOUNT", "ZDIFF", "ZINTER", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE",
    "ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANK",
    "ZSCAN", "ZSCORE", "ZUNION",
)  # fmt: skip
KNOWN = frozenset({*WRITE, *HOUSEKEEPING, *LISTEN, *_OTHERS})
"""Those of Redis up to 8.6, and of Valkey; those of modules, which are written with a dot, are not among them."""
