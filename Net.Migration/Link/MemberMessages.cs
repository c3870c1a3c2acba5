using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>The first message each way on both links: which formats each side speaks. The highest in both ranges is spoken; else the link closes.</summary>
internal sealed record HelloMessage(ushort MinVersion, ushort MaxVersion) : LinkMessage
{
    /// <summary>What this release speaks.</summary>
    public const ushort Lowest = 2;

    public const ushort Highest = 2;

    public override MessageType Type => MessageType.Hello;

    public static HelloMessage Ours => new(Lowest, Highest);

    /// <summary>The version to speak with who said this; 0 when there is none.</summary>
    public ushort Agree()
    {
        ushort version = ushort.Min(MaxVersion, Highest);
        return version >= MinVersion && version >= Lowest ? version : (ushort)0;
    }

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt16(MinVersion);
        writer.WriteUInt16(MaxVersion);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt16(out ushort min) & reader.TryReadUInt16(out ushort max);
        message = complete && min > 0 && min <= max ? new HelloMessage(min, max) : null;
        return message is not null;
    }
}

/// <summary>Something that a node can host, and where its datagrams go: each has a socket of its own, so the kernel sorts them.</summary>
/// <param name="Component">Name of its ownership record: a component's, or an aggregate's.</param>
/// <param name="Data">Where ingresses send its datagrams.</param>
/// <param name="Names">First labels of the server names that it answers to, beside the record's own.</param>
internal sealed record HostInfo(string Component, UdpAddress Data, IReadOnlyList<string> Names)
{
    /// <summary>Components of one aggregate.</summary>
    public const int MaxNames = 64;

    public bool Equals(HostInfo? other) => other is not null && Component == other.Component && Data == other.Data
        && Names.SequenceEqual(other.Names, StringComparer.Ordinal);

    public override int GetHashCode() => Component.GetHashCode(StringComparison.Ordinal);

    public void Write(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteAddress(Data);
        writer.WriteVarInt((ulong)Names.Count);
        foreach (string name in Names)
        {
            writer.WriteString(name);
        }
    }

    public static bool TryRead(ref ByteReader reader, out HostInfo? host)
    {
        host = null;
        if (!Directory.Names.TryRead(ref reader, out string component)
            || !UdpAddress.TryRead(ref reader, out UdpAddress data) || data.IsNone
            || !reader.TryReadCount(MaxNames, 2, out int count))
        {
            return false;
        }

        string[] names = new string[count];
        for (int i = 0; i < count; i++)
        {
            if (!Directory.Names.TryRead(ref reader, out names[i]))
            {
                return false;
            }
        }

        host = new(component, data, names);
        return true;
    }
}

/// <summary>A member, where it is reached, and what it may take.</summary>
/// <param name="Member">This life of it.</param>
/// <param name="Link">Where node links arrive.</param>
/// <param name="Hosts">What it can host.</param>
internal sealed record NodeInfo(Member Member, UdpAddress Link, IReadOnlyList<HostInfo> Hosts)
{
    /// <summary>Components and aggregates that one node announces.</summary>
    public const int MaxHosts = 256;

    private const int SmallestHost = 22;

    public bool Equals(NodeInfo? other) => other is not null && Member == other.Member && Link == other.Link && Hosts.SequenceEqual(other.Hosts);

    public override int GetHashCode() => Member.GetHashCode();

    /// <summary>Whether it can host a record's component.</summary>
    public bool CanHost(string component) => Hosts.Any(host => host.Component == component);

    public void Write(FieldWriter writer)
    {
        Member.Write(writer);
        writer.WriteAddress(Link);
        writer.WriteVarInt((ulong)Hosts.Count);
        foreach (HostInfo host in Hosts)
        {
            host.Write(writer);
        }
    }

    public static bool TryRead(ref ByteReader reader, out NodeInfo? node)
    {
        node = null;
        if (!Member.TryRead(ref reader, out Member member)
            || !UdpAddress.TryRead(ref reader, out UdpAddress link)
            || !reader.TryReadCount(MaxHosts, SmallestHost, out int count))
        {
            return false;
        }

        HostInfo[] hosts = new HostInfo[count];
        for (int i = 0; i < count; i++)
        {
            if (!HostInfo.TryRead(ref reader, out HostInfo? host))
            {
                return false;
            }

            hosts[i] = host!;
        }

        node = new(member, link, hosts);
        return true;
    }
}

/// <summary>A node asks to become a member.</summary>
internal sealed record JoinMessage(NodeInfo Node) : LinkMessage
{
    public override MessageType Type => MessageType.Join;

    public override void WriteBody(FieldWriter writer) => Node.Write(writer);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = NodeInfo.TryRead(ref reader, out NodeInfo? node) ? new JoinMessage(node!) : null;
        return message is not null;
    }
}

/// <summary>It is one: these are the keys. Members and records follow as updates.</summary>
/// <param name="Keys">The federation's secrets.</param>
/// <param name="Ingress">This ingress's number in the federation, from 1: connections name it in their paths, wherever they are.</param>
/// <param name="Data">Where it takes datagrams from nodes.</param>
internal sealed record WelcomeMessage(FederationKeys Keys, uint Ingress, UdpAddress Data) : LinkMessage
{
    public override MessageType Type => MessageType.Welcome;

    public override void WriteBody(FieldWriter writer)
    {
        Keys.Write(writer);
        writer.WriteUInt32(Ingress);
        writer.WriteAddress(Data);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = FederationKeys.TryRead(ref reader, out FederationKeys? keys) && reader.TryReadUInt32(out uint ingress) && ingress > 0
            && UdpAddress.TryRead(ref reader, out UdpAddress data)
            ? new WelcomeMessage(keys!, ingress, data) : null;
        return message is not null;
    }
}

/// <summary>The keys have rotated.</summary>
internal sealed record KeysUpdateMessage(FederationKeys Keys) : LinkMessage
{
    public override MessageType Type => MessageType.KeysUpdate;

    public override void WriteBody(FieldWriter writer) => Keys.Write(writer);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = FederationKeys.TryRead(ref reader, out FederationKeys? keys) ? new KeysUpdateMessage(keys!) : null;
        return message is not null;
    }
}

/// <summary>It cannot become a member, and why, for people.</summary>
internal sealed record JoinRefusedMessage(string Reason) : LinkMessage
{
    public const int MaxReason = 512;

    public override MessageType Type => MessageType.JoinRefused;

    /// <summary>The reason while another life of that name counts as alive: soon no more, when that was killed a moment ago.</summary>
    public static string NameInUse(string name) => $"{name} is in use";

    public override void WriteBody(FieldWriter writer) => writer.WriteString(Reason);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadString(MaxReason, out string reason) ? new JoinRefusedMessage(reason) : null;
        return message is not null;
    }
}

/// <summary>A member came, changed or went.</summary>
internal sealed record MemberUpdateMessage(NodeInfo Node, bool IsAlive) : LinkMessage
{
    public override MessageType Type => MessageType.MemberUpdate;

    public override void WriteBody(FieldWriter writer)
    {
        Node.Write(writer);
        writer.WriteBool(IsAlive);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = NodeInfo.TryRead(ref reader, out NodeInfo? node) && reader.TryReadBool(out bool isAlive) ? new MemberUpdateMessage(node!, isAlive) : null;
        return message is not null;
    }
}

/// <summary>What a node has of a component that it serves.</summary>
/// <param name="Component">Name of the record.</param>
/// <param name="Connections">That are open.</param>
/// <param name="BytesIn">Of clients' datagrams, since this process began; only a difference says something.</param>
/// <param name="BytesOut">Of datagrams to clients, likewise.</param>
/// <param name="Checkpoints">That it can go back to.</param>
/// <param name="NewestCheckpoint">Number of the newest; 0: there is none.</param>
internal readonly record struct ComponentLoad(
    string Component, uint Connections, ulong BytesIn = 0, ulong BytesOut = 0, uint Checkpoints = 0, ulong NewestCheckpoint = 0)
{
    public void Write(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteUInt32(Connections);
        writer.WriteUInt64(BytesIn);
        writer.WriteUInt64(BytesOut);
        writer.WriteVarInt(Checkpoints);
        writer.WriteUInt64(NewestCheckpoint);
    }

    public static bool TryRead(ref ByteReader reader, out ComponentLoad load)
    {
        bool isSound = Names.TryRead(ref reader, out string component) & reader.TryReadUInt32(out uint connections)
            & reader.TryReadUInt64(out ulong bytesIn) & reader.TryReadUInt64(out ulong bytesOut)
            & reader.TryReadVarInt(out ulong checkpoints) & reader.TryReadUInt64(out ulong newest) & checkpoints <= uint.MaxValue;
        load = new(component, connections, bytesIn, bytesOut, (uint)checkpoints, newest);
        return isSound;
    }
}

/// <summary>A node lives; every second (<see cref="FailureDetector.HeartbeatInterval"/>).</summary>
/// <param name="Number">Counts up; comes back in the reply, which renews the <see cref="SendLease"/>.</param>
/// <param name="Loads">For `status`.</param>
internal sealed record HeartbeatMessage(ulong Number, IReadOnlyList<ComponentLoad> Loads) : LinkMessage
{
    public override MessageType Type => MessageType.Heartbeat;

    public bool Equals(HeartbeatMessage? other) => other is not null && Number == other.Number && Loads.SequenceEqual(other.Loads);

    public override int GetHashCode() => Number.GetHashCode();

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Number);
        writer.WriteVarInt((ulong)Loads.Count);
        foreach (ComponentLoad load in Loads)
        {
            load.Write(writer);
        }
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong number) || !reader.TryReadCount(NodeInfo.MaxHosts, 31, out int count))
        {
            return false;
        }

        ComponentLoad[] loads = new ComponentLoad[count];
        for (int i = 0; i < count; i++)
        {
            if (!ComponentLoad.TryRead(ref reader, out loads[i]))
            {
                return false;
            }
        }

        message = new HeartbeatMessage(number, loads);
        return true;
    }
}

/// <summary>Heard.</summary>
internal sealed record HeartbeatReplyMessage(ulong Number) : LinkMessage
{
    public override MessageType Type => MessageType.HeartbeatReply;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Number);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong number) ? new HeartbeatReplyMessage(number) : null;
        return message is not null;
    }
}

/// <summary>A node says goodbye: it sends nothing any more, and what it still owns may go to somebody else at once.</summary>
internal sealed record LeaveMessage : LinkMessage
{
    public override MessageType Type => MessageType.Leave;

    public override void WriteBody(FieldWriter writer)
    {
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = new LeaveMessage();
        return true;
    }
}

/// <summary>A node lets another life have its name beside it: the process that takes over from it on the same machine.</summary>
/// <param name="Incarnation">Of that life; 0: nobody any more.</param>
internal sealed record SuccessorMessage(ulong Incarnation) : LinkMessage
{
    public override MessageType Type => MessageType.Successor;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Incarnation);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong incarnation) ? new SuccessorMessage(incarnation) : null;
        return message is not null;
    }
}

/// <summary>That life may join from now on.</summary>
internal sealed record SuccessorNotedMessage(ulong Incarnation) : LinkMessage
{
    public override MessageType Type => MessageType.SuccessorNoted;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Incarnation);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong incarnation) ? new SuccessorNotedMessage(incarnation) : null;
        return message is not null;
    }
}
