namespace Net.Http3.Tethers;

/// <summary>What the two ends of a tether say to each other. Links keep the order, so an offset never jumps ahead.</summary>
/// <param name="Number">Which tether, among those that the source has left behind.</param>
internal abstract record TetherMessage(ulong Number);

/// <summary>Where this end stands. The owner's opens an attachment, the source's answers it; what was sent and not received is sent again.</summary>
/// <param name="Number">Which tether.</param>
/// <param name="Received">Bytes that this end has received: it never asks for them again.</param>
/// <param name="Limit">Up to where it takes bytes.</param>
internal sealed record TetherAttach(ulong Number, ulong Received, ulong Limit) : TetherMessage(Number);

/// <summary>Bytes of records.</summary>
/// <param name="Number">Which tether.</param>
/// <param name="Offset">Of the first byte, since the tether began.</param>
/// <param name="Bytes">At most <see cref="TetherLimits.MaxChunk"/>.</param>
/// <param name="IsLast">Nothing follows: who has all of it does not need the other end any more.</param>
internal sealed record TetherData(ulong Number, ulong Offset, ReadOnlyMemory<byte> Bytes, bool IsLast) : TetherMessage(Number)
{
    public bool Equals(TetherData? other) => other is not null && Number == other.Number && Offset == other.Offset && IsLast == other.IsLast
        && Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => HashCode.Combine(Number, Offset, Bytes.Length);
}

/// <summary>Acknowledges bytes, and permits more.</summary>
/// <inheritdoc cref="TetherAttach"/>
internal sealed record TetherAck(ulong Number, ulong Received, ulong Limit) : TetherMessage(Number);

/// <summary>The tether is over before its end: the client gave up, or this end does not know it.</summary>
/// <param name="Number">Which tether.</param>
/// <param name="Code">An application error code of HTTP/3.</param>
internal sealed record TetherReset(ulong Number, ulong Code) : TetherMessage(Number);
