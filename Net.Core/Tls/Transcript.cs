using System.Security.Cryptography;
using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>The handshake messages of both sides in the order that their hash takes them (RFC 8446, section 4.4.1).</summary>
/// <remarks>
/// Kept as bytes, not as a running hash: the hash function is known only after the ServerHello, and a running hash of the base
/// library could not travel. A handshake hashes its few kilobytes half a dozen times. Bounded by the messages' own limit, each of
/// which a peer can send once.
/// </remarks>
internal sealed class Transcript
{
    private byte[] _bytes = [];
    private int _length;

    public void Append(ReadOnlySpan<byte> message)
    {
        if (_bytes.Length - _length < message.Length)
        {
            Array.Resize(ref _bytes, int.Max(2 * _bytes.Length, _length + message.Length + 1024));
        }

        message.CopyTo(_bytes.AsSpan(_length));
        _length += message.Length;
    }

    /// <summary>Hash of all messages so far.</summary>
    public byte[] Hash(CipherSuite suite) => CryptographicOperations.HashData(suite.Hash, _bytes.AsSpan(0, _length));

    /// <summary>Hash of all messages so far and the beginning of the next one, as binders are made of.</summary>
    public byte[] HashWith(CipherSuite suite, ReadOnlySpan<byte> beginning)
    {
        byte[] all = new byte[_length + beginning.Length];
        _bytes.AsSpan(0, _length).CopyTo(all);
        beginning.CopyTo(all.AsSpan(_length));
        return CryptographicOperations.HashData(suite.Hash, all);
    }

    /// <summary>Replaces the first ClientHello by its hash, as a HelloRetryRequest demands.</summary>
    public void ReplaceByMessageHash(CipherSuite suite)
    {
        byte[] hash = Hash(suite);
        _length = 0;
        Append([(byte)HandshakeType.MessageHash, 0, 0, (byte)hash.Length]);
        Append(hash);
    }

    /// <summary>Lets go of the messages, among which are the peer's certificates.</summary>
    public void Clear() => (_bytes, _length) = ([], 0);
}
