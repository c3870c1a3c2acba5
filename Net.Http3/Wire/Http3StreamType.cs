namespace Net.Http3.Wire;

/// <summary>What the first integer of a unidirectional stream says it is (RFC 9114, section 6.2; RFC 9204, section 4.2).</summary>
internal enum Http3StreamType : ulong
{
    Control = 0x00,
    Push = 0x01,
    QpackEncoder = 0x02,
    QpackDecoder = 0x03,
}
