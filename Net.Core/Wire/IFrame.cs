namespace Net.Core.Wire;

/// <summary>A frame of a QUIC packet (RFC 9000, section 19): one type per frame, one file per type.</summary>
internal interface IFrame<TSelf> where TSelf : IFrame<TSelf>, allows ref struct
{
    /// <summary>Bytes that <see cref="Write"/> needs, the type included.</summary>
    int Length { get; }

    /// <summary>Writes type and fields.</summary>
    void Write(ref ByteWriter writer);
}
