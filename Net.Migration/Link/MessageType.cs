namespace Net.Migration.Link;

/// <summary>Numbers of all link messages; never used again for something else. Even: required. Odd: skipped by who does not know it.</summary>
internal enum MessageType : ulong
{
    // Both links: the first message each way.
    Hello = 0,

    // continuum-migration/1
    Prepare = 2,
    Accept = 4,
    Refuse = 6,
    AheadPart = 8,
    AheadEnd = 10,
    AheadDecoded = 12,
    FinalPart = 14,
    FinalEnd = 16,
    Ready = 18,
    Committed = 20,
    Abort = 22,
    Resumed = 23,
    TetherOpen = 24,
    TraceContext = 25,
    TetherOpened = 26,
    TetherAttach = 28,
    TetherData = 30,
    TetherAck = 32,
    TetherReset = 34,

    // continuum-control/1
    Join = 40,
    Welcome = 42,
    JoinRefused = 44,
    MemberUpdate = 46,
    DirectoryUpdate = 48,
    OwnershipAsk = 50,
    OwnershipReply = 52,
    Heartbeat = 54,
    HeartbeatReply = 56,
    Migrate = 58,
    MigrateReply = 60,
    StatusAsk = 62,
    StatusReply = 64,
    FenceAsk = 66,
    FenceConfirm = 68,
    TakeOver = 70,
    HoldInitials = 72,
    InitialsHeld = 74,
    KeysUpdate = 76,
    Drain = 78,
    DrainReply = 80,
    Leave = 82,
    Successor = 84,
    SuccessorNoted = 86,
    IngressUpdate = 87,
    TrustUpdate = 88,
    Checkpoint = 90,
    CheckpointReply = 92,
}
