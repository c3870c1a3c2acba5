using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Net.Core.Wire;
using Net.Migration.Link;

namespace Net.Migration.Ingress;

/// <summary>Writes and checks <see cref="IngressHeader"/>s. One thread's: each has its own.</summary>
/// <remarks>
/// The tag covers what is constant for a flow, so both ends compute it once per flow and epoch and then copy or compare 70 bytes: tags
/// that covered each datagram would cost as much as its packet protection. The payload needs no tag, QUIC protects it; ECN and the time are hints
/// that an attacker on the path could set anyway. What the tag prevents is that somebody off the path speaks for a node, for an epoch, or
/// for a client's address. Markers stop a component, so theirs covers the body too, and their numbers only grow.
/// </remarks>
internal sealed class IngressTags
{
    /// <summary>Flows whose prefix is remembered; when full all are forgotten, which costs one computation for each that goes on.</summary>
    public const int MaxFlows = 65_536;

    private readonly Dictionary<IngressHeader, byte[]> _prefixes;
    private KeyRing _keys;
    private byte[] _last = new byte[IngressHeader.PrefixLength];

    /// <param name="keys">The federation's tag keys.</param>
    /// <param name="hash0">Random: first half of the key of the table's hash.</param>
    /// <param name="hash1">Random: second half.</param>
    public IngressTags(KeyRing keys, ulong hash0, ulong hash1)
    {
        _keys = keys;
        _prefixes = new(new FlowComparer(hash0, hash1));
    }

    public int Flows => _prefixes.Count;

    /// <summary>After a rotation: tags under keys that are not in the ring any more are not accepted from now on.</summary>
    public void Use(KeyRing keys)
    {
        _keys = keys;
        _prefixes.Clear();
        _last = new byte[IngressHeader.PrefixLength];
    }

    /// <summary>Writes the header in front of a body that is there already.</summary>
    /// <param name="datagram">80 bytes of room, then the body.</param>
    /// <param name="header">Its key number is ignored: the current key is used.</param>
    public void Write(Span<byte> datagram, in IngressHeader header)
    {
        FederationKey key = _keys.Current;
        IngressHeader flow = header with { KeyNumber = key.Number, Ecn = default, ReceiveMicroseconds = 0 };
        if (header.IsMarker)
        {
            flow.WriteTagged(datagram);
            Tag(key, datagram[..IngressHeader.TaggedLength], datagram[IngressHeader.Length..], datagram.Slice(IngressHeader.TaggedLength, IngressHeader.TagLength));
        }
        else
        {
            Prefix(flow, key).CopyTo(datagram);
        }

        header.WriteHints(datagram[IngressHeader.PrefixLength..]);
    }

    /// <summary>A whole marker datagram.</summary>
    public byte[] WriteMarker(IngressDatagram type, uint shard, ulong epoch, ulong number)
    {
        byte[] datagram = new byte[IngressHeader.Length + IngressHeader.MarkerLength];
        BinaryPrimitives.WriteUInt64BigEndian(datagram.AsSpan(IngressHeader.Length), number);
        Write(datagram, new() { Type = type, Shard = shard, Epoch = epoch });
        return datagram;
    }

    /// <returns>False when it does not parse or the tag is wrong: drop it, in silence.</returns>
    public bool TryOpen(ReadOnlySpan<byte> datagram, out IngressHeader header)
    {
        if (!IngressHeader.TryRead(datagram, out header))
        {
            return false;
        }

        // A batch is mostly of one flow: then this is the whole cost.
        ReadOnlySpan<byte> prefix = datagram[..IngressHeader.PrefixLength];
        if (!header.IsMarker && IsSameFlow(prefix, _last))
        {
            return true;
        }

        if (!_keys.TryGet(header.KeyNumber, out FederationKey key))
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[IngressHeader.TagLength];
        IngressHeader flow = header with { Ecn = default, ReceiveMicroseconds = 0 };
        if (!header.IsMarker && _prefixes.TryGetValue(flow, out byte[]? known))
        {
            known.AsSpan(IngressHeader.TaggedLength).CopyTo(expected);
        }
        else
        {
            known = null;
            Tag(key, datagram[..IngressHeader.TaggedLength], header.IsMarker ? datagram[IngressHeader.Length..] : [], expected);
        }

        if (!CryptographicOperations.FixedTimeEquals(expected, prefix[IngressHeader.TaggedLength..]))
        {
            return false;
        }

        // Only what carried a right tag is remembered: nobody else can fill the table.
        if (!header.IsMarker)
        {
            _last = known ?? Remember(flow, prefix.ToArray());
        }

        return true;
    }

    /// <summary>Whether a datagram has the header of another one, which was opened; but for the time.</summary>
    public static bool IsAlike(ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> opened) =>
        datagram.Length >= IngressHeader.Length
        && IsSameFlow(datagram, opened)
        && datagram[IngressHeader.PrefixLength] == opened[IngressHeader.PrefixLength]
        && datagram[IngressHeader.Length - 1] == opened[IngressHeader.Length - 1];

    /// <summary>The fields are no secret; only the tag must not tell by the time of its comparison how much of it was right.</summary>
    private static bool IsSameFlow(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> known) =>
        prefix[..IngressHeader.TaggedLength].SequenceEqual(known[..IngressHeader.TaggedLength])
        && Vector128.Create(prefix[IngressHeader.TaggedLength..]) == Vector128.Create(known[IngressHeader.TaggedLength..]);

    private static void Tag(FederationKey key, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> body, Span<byte> tag)
    {
        Span<byte> input = stackalloc byte[IngressHeader.TaggedLength + IngressHeader.MarkerLength];
        fields.CopyTo(input);
        body.CopyTo(input[fields.Length..]);
        Span<byte> full = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _ = HMACSHA256.HashData(key.Secret.Span, input[..(fields.Length + body.Length)], full);
        full[..tag.Length].CopyTo(tag);
    }

    private byte[] Prefix(in IngressHeader flow, FederationKey key)
    {
        if (_prefixes.TryGetValue(flow, out byte[]? prefix))
        {
            return prefix;
        }

        prefix = new byte[IngressHeader.PrefixLength];
        flow.WriteTagged(prefix);
        Tag(key, prefix.AsSpan(0, IngressHeader.TaggedLength), [], prefix.AsSpan(IngressHeader.TaggedLength));
        return Remember(flow, prefix);
    }

    private byte[] Remember(in IngressHeader flow, byte[] prefix)
    {
        if (_prefixes.Count >= MaxFlows)
        {
            _prefixes.Clear();
        }

        _prefixes[flow] = prefix;
        return prefix;
    }

    /// <summary>Keyed, as clients choose their addresses (checklist S9).</summary>
    private sealed class FlowComparer(ulong hash0, ulong hash1) : IEqualityComparer<IngressHeader>
    {
        private readonly AddressHash _hash = new(hash0, hash1);

        public bool Equals(IngressHeader x, IngressHeader y) => x == y;

        public int GetHashCode(IngressHeader obj) => _hash.Of(obj.Client) ^ (int)obj.Type ^ ((int)obj.Shard << 8) ^ (int)obj.Epoch;
    }
}
