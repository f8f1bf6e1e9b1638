"""Which commands of Redis write, which of those take memory, and which ask the store for nothing that it holds."""

from __future__ import annotations

FILL = (
    "APPEND", "BITFIELD", "BITOP", "BLMOVE", "BRPOPLPUSH", "COPY", "DECR", "DECRBY", "GEOADD", "GEORADIUS", "GEORADIUSBYMEMBER",
    "GEOSEARCHSTORE", "GETSET", "HINCRBY", "HINCRBYFLOAT", "HMSET", "HSET", "HSETEX", "HSETNX", "INCR", "INCRBY", "INCRBYFLOAT",
    "LINSERT", "LMOVE", "LPUSH", "LPUSHX", "LSET", "MSET", "MSETNX", "PFADD", "PFMERGE", "PSETEX", "RESTORE", "RPOPLPUSH",
    "RPUSH", "RPUSHX", "SADD", "SDIFFSTORE", "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "SINTERSTORE", "SORT", "SUNIONSTORE",
    "XADD", "XGROUP", "XSETID", "ZADD", "ZDIFFSTORE", "ZINCRBY", "ZINTERSTORE", "ZRANGESTORE", "ZUNIONSTORE",
)  # fmt: skip
"""Those with the flag ``denyoom`` in `COMMAND` of Redis 6.2, and what later versions added to them."""
WRITE = (
    *FILL,
    "BLMPOP", "BLPOP", "BRPOP", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "DEL", "EXPIRE", "EXPIREAT", "FLUSHALL", "FLUSHDB", "GETDEL",
    "GETEX", "HDEL", "HEXPIRE", "HEXPIREAT", "HGETDEL", "HGETEX", "HPERSIST", "HPEXPIRE", "HPEXPIREAT", "LMPOP", "LPOP", "LREM",
    "LTRIM", "MIGRATE", "MOVE", "PERSIST", "PEXPIRE", "PEXPIREAT", "RENAME", "RENAMENX", "RPOP", "SMOVE", "SPOP", "SREM",
    "SWAPDB", "UNLINK", "XACK", "XACKDEL", "XAUTOCLAIM", "XCLAIM", "XDEL", "XDELEX", "XREADGROUP", "XTRIM", "ZMPOP", "ZPOPMAX",
    "ZPOPMIN", "ZREM", "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE",
)  # fmt: skip
"""Those with the flag ``write``, likewise."""
HOUSEKEEPING = frozenset(
    {
        "ACL", "ASKING", "AUTH", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "ECHO", "HELLO", "INFO", "LASTSAVE", "LATENCY",
        "LOLWUT", "MEMORY", "MODULE", "PING", "QUIT", "READONLY", "READWRITE", "RESET", "ROLE", "SELECT", "SLOWLOG", "TIME",
    }
)  # fmt: skip
"""By these a connection is opened, kept and closed, and a server looked at (the groups connection, server and cluster of its manual)."""
LISTEN = frozenset({"MONITOR", "PSUBSCRIBE", "PSYNC", "SSUBSCRIBE", "SUBSCRIBE", "SYNC"})
"""After these a connection is there for what comes unasked."""
