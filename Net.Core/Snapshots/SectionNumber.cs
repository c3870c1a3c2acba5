namespace Net.Core.Snapshots;

/// <summary>The numbers of all sections of a connection's snapshot. A number is never used again for something else.</summary>
/// <remarks>Even numbers are required, odd ones may be skipped. 2-98: Net.Core, 100-198: Net.Http3, 200-298: Net.Migration.</remarks>
internal static class SectionNumber
{
    public const ulong Identity = 2;
    public const ulong OneRttKeys = 4;
    public const ulong LocalConnectionIds = 6;
    public const ulong PeerConnectionIds = 8;
    public const ulong SentPackets = 10;
    public const ulong ReceivedPackets = 12;
    public const ulong Rtt = 14;
    public const ulong Congestion = 16;
    public const ulong LossDetection = 18;
    public const ulong Credit = 20;
    public const ulong StreamLimits = 22;
    public const ulong StreamTable = 24;
    public const ulong SendStream = 26;
    public const ulong ReceiveStream = 28;
    public const ulong PostHandshakeCrypto = 30;
    public const ulong Path = 32;
    public const ulong TransportParameters = 34;
    public const ulong IdleTimer = 36;
    public const ulong Announcements = 38;
    public const ulong SentPacketNumbers = 40;
    public const ulong PathMtu = 42;
    public const ulong PostHandshakeMessages = 46;
    public const ulong SessionTickets = 48;

    /// <summary>Of a component, not of a connection: which tickets have brought 0-RTT data.</summary>
    public const ulong EarlyDataLedger = 50;

    public const ulong Datagrams = 56;
    public const ulong Traffic = 58;

    /// <summary>Not a part: which sections of an earlier export are there no more.</summary>
    public const ulong Removed = 44;

    public const ulong Http3Connection = 100;
    public const ulong Http3UnidirectionalStream = 102;
    public const ulong Http3Request = 104;
    public const ulong Http3Exchange = 106;
    public const ulong QpackEncoder = 108;
    public const ulong QpackDecoder = 110;
    public const ulong Priorities = 112;

    /// <summary>A request whose handler runs on another node.</summary>
    public const ulong Tether = 114;

    public const ulong Component = 200;
    public const ulong Connection = 202;
    public const ulong ComponentState = 204;

    /// <summary>Of a component: a checkpoint, under its number; under 0 the number given last. Who does not know it serves without.</summary>
    public const ulong Checkpoint = 207;

    /// <summary>Whether this release reads such a section of a connection. A required one that it does not know stays unread at one's peril.</summary>
    public static bool IsKnown(ulong number) => number
        is (>= Identity and <= SessionTickets) or Datagrams or Traffic
        or (>= Http3Connection and <= Tether);
}
