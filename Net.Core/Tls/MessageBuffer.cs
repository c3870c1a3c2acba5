using Net.Core.Errors;

namespace Net.Core.Tls;

/// <summary>Puts handshake messages together from CRYPTO bytes that arrive in order but cut anywhere.</summary>
/// <remarks>A byte is copied in once and out once, and a message's length is looked at once per call: one-byte pieces cost linear time.</remarks>
internal sealed class MessageBuffer
{
    private byte[] _bytes = [];
    private int _start;
    private int _end;

    public bool IsEmpty => _start == _end;

    public TransportError Append(ReadOnlySpan<byte> bytes)
    {
        int held = _end - _start;
        if (bytes.Length > TlsLimits.HandshakeBuffer - held)
        {
            return Exceeded();
        }

        if (_bytes.Length - _end < bytes.Length)
        {
            byte[] larger = _bytes.Length >= held + bytes.Length && _start > held ? _bytes : new byte[int.Max(1024, 2 * (held + bytes.Length))];
            _bytes.AsSpan(_start, held).CopyTo(larger);
            (_bytes, _start, _end) = (larger, 0, held);
        }

        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
        return TransportError.None;
    }

    /// <summary>Takes the next message when it is there in full.</summary>
    /// <returns>An error when it says to be longer than we will ever hold; it is not waited for.</returns>
    public TransportError TryTake(out bool taken, out HandshakeMessage message)
    {
        taken = false;
        message = default;
        ReadOnlySpan<byte> held = _bytes.AsSpan(_start, _end - _start);
        if (held.Length < HandshakeMessage.HeaderLength)
        {
            return TransportError.None;
        }

        int length = HandshakeMessage.HeaderLength + ((held[1] << 16) | (held[2] << 8) | held[3]);
        if (length > TlsLimits.HandshakeBuffer)
        {
            return Exceeded();
        }

        if (held.Length >= length)
        {
            taken = true;
            message = new((HandshakeType)held[0], held[..length].ToArray());
            _start += length;
        }

        if (IsEmpty)
        {
            // The buffer is not kept between flights: an idle connection holds none.
            (_bytes, _start, _end) = ([], 0, 0);
        }

        return TransportError.None;
    }

    private static TransportError Exceeded() =>
        TransportError.Of(TransportErrorCode.CryptoBufferExceeded, "more handshake data than is buffered", Wire.FrameType.Crypto);
}
