using System.Buffers.Binary;
using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>Makes and opens the tokens that prove a client's address (RFC 9000, section 8.1). Any node with the federation's keys opens them.</summary>
/// <remarks>
/// <code>
/// octet 0       1: Retry, 2: NEW_TOKEN, and nothing else: both kinds look alike to who has no key
/// octets 1-4    number of the federation's keys
/// octets 5-20   serial, random
/// then          sealed: octets 0-7 second of issue, then the original destination ID (Retry only); tag of 16 bytes
/// </code>
/// AES-256-GCM under a key that is derived for each token from its serial: at a million Retrys a second random nonces of 12 bytes under one
/// key would soon repeat. Octets 0 to 20, the client's address (without its port in NEW_TOKEN, as a later connection has another one) and,
/// for Retry, the ID that the Retry gave are authenticated but not written: they come with the packet that brings the token back.
/// Seconds are those of the host's wall clock, as a token may be opened by another machine than its maker's.
/// </remarks>
internal static class AddressTokens
{
    /// <summary>The longest token that is made here.</summary>
    public const int MaxLength = HeaderLength + SecondLength + ConnectionId.MaxLength + TagLength;

    /// <summary>A client answers a Retry within a round trip or two.</summary>
    public const long RetryLifetime = 15;

    /// <summary>A day.</summary>
    public const long NewTokenLifetime = 86_400;

    /// <summary>The clocks of two nodes differ by no more than so many seconds.</summary>
    public const long MaxSkew = 5;

    public const int SerialLength = 16;

    private const byte RetryMark = 1;
    private const byte NewTokenMark = 2;
    private const int HeaderLength = 1 + sizeof(uint) + SerialLength;
    private const int SecondLength = sizeof(long);
    private const int TagLength = 16;

    /// <param name="keys">The newest.</param>
    /// <param name="client">Whom the Retry goes to.</param>
    /// <param name="original">The destination of the Initial that is answered.</param>
    /// <param name="retrySource">The ID that the Retry gives.</param>
    /// <param name="serial16">Random.</param>
    /// <param name="second">Of the host's wall clock.</param>
    public static byte[] MakeRetry(ConnectionKeys keys, UdpAddress client, ConnectionId original, ConnectionId retrySource, ReadOnlySpan<byte> serial16, long second) =>
        Make(keys, RetryMark, client, retrySource, original, serial16, second);

    public static byte[] MakeNewToken(ConnectionKeys keys, UdpAddress client, ReadOnlySpan<byte> serial16, long second) =>
        Make(keys, NewTokenMark, client, default, default, serial16, second);

    /// <summary>Never throws, whatever the bytes.</summary>
    /// <param name="client">Who brings the token.</param>
    /// <param name="destination">Of the Initial that holds it.</param>
    public static TokenVerdict Open(IReadOnlyList<ConnectionKeys> keys, ReadOnlySpan<byte> token, UdpAddress client, ConnectionId destination, long second)
    {
        if (token.Length is < HeaderLength + SecondLength + TagLength or > MaxLength || token[0] is not (RetryMark or NewTokenMark))
        {
            return default;
        }

        bool isRetry = token[0] == RetryMark;
        TokenVerdict refused = new(isRetry ? TokenKind.FalseRetry : TokenKind.Unknown);
        uint number = BinaryPrimitives.ReadUInt32BigEndian(token[1..]);
        foreach (ConnectionKeys candidate in keys)
        {
            if (candidate.Number == number)
            {
                return TryOpen(candidate, token, client, destination, second, out TokenVerdict verdict) ? verdict : refused;
            }
        }

        return default;
    }

    private static bool TryOpen(ConnectionKeys keys, ReadOnlySpan<byte> token, UdpAddress client, ConnectionId destination, long second, out TokenVerdict verdict)
    {
        bool isRetry = token[0] == RetryMark;
        ReadOnlySpan<byte> sealedBytes = token[HeaderLength..^TagLength];
        Span<byte> plain = stackalloc byte[SecondLength + ConnectionId.MaxLength];
        plain = plain[..sealedBytes.Length];
        Span<byte> again = stackalloc byte[plain.Length];
        Span<byte> tag = stackalloc byte[TagLength];
        Span<byte> context = stackalloc byte[ContextLength];
        context = context[..WriteContext(context, token[..HeaderLength], client, isRetry ? destination : default)];

        // Counter mode is its own inverse. Sealing once more gives the tag to compare, where AesGcm.Decrypt would throw for a forgery.
        using AesGcm aead = Aead(keys, token[5..HeaderLength]);
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        aead.Encrypt(nonce, sealedBytes, plain, tag, context);
        aead.Encrypt(nonce, plain, again, tag, context);
        long age = second - BinaryPrimitives.ReadInt64BigEndian(plain);
        bool holds = CryptographicOperations.FixedTimeEquals(tag, token[^TagLength..])
            && age >= -MaxSkew
            && age <= (isRetry ? RetryLifetime : NewTokenLifetime);
        verdict = holds
            ? new(isRetry ? TokenKind.Retry : TokenKind.NewToken, new(plain[SecondLength..]), BinaryPrimitives.ReadUInt128BigEndian(token[5..]))
            : default;
        return holds;
    }

    private static byte[] Make(
        ConnectionKeys keys, byte mark, UdpAddress client, ConnectionId bound, ConnectionId original, ReadOnlySpan<byte> serial16, long second)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(serial16.Length, SerialLength);
        byte[] token = new byte[HeaderLength + SecondLength + original.Length + TagLength];
        token[0] = mark;
        BinaryPrimitives.WriteUInt32BigEndian(token.AsSpan(1), keys.Number);
        serial16.CopyTo(token.AsSpan(5));
        Span<byte> plain = stackalloc byte[SecondLength + ConnectionId.MaxLength];
        plain = plain[..(SecondLength + original.Length)];
        BinaryPrimitives.WriteInt64BigEndian(plain, second);
        original.Span.CopyTo(plain[SecondLength..]);
        Span<byte> context = stackalloc byte[ContextLength];
        context = context[..WriteContext(context, token.AsSpan(0, HeaderLength), client, bound)];
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        using AesGcm aead = Aead(keys, serial16);
        aead.Encrypt(nonce, plain, token.AsSpan(HeaderLength, plain.Length), token.AsSpan(HeaderLength + plain.Length), context);
        return token;
    }

    private const int ContextLength = HeaderLength + UdpAddress.EncodedLength + ConnectionId.MaxLength;

    private static int WriteContext(Span<byte> context, ReadOnlySpan<byte> header, UdpAddress client, ConnectionId bound)
    {
        ByteWriter writer = new(context);
        writer.WriteBytes(header);
        (header[0] == RetryMark ? client : client.WithPort(0)).Write(ref writer);
        writer.WriteBytes(bound.Span);
        return writer.Position;
    }

    /// <summary>
    /// The key of one token. It is made of the reset key, by a message that is longer than any that a reset token or another secret of a
    /// connection is made of (see <see cref="ConnectionIdDeriver"/>): so no federation has a further secret to hand around.
    /// </summary>
    private static AesGcm Aead(ConnectionKeys keys, ReadOnlySpan<byte> serial16)
    {
        ReadOnlySpan<byte> label = "continuum address token"u8;
        Span<byte> message = stackalloc byte[label.Length + SerialLength];
        label.CopyTo(message);
        serial16.CopyTo(message[label.Length..]);
        Span<byte> key = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(keys.ResetKey.Span, message, key);
        AesGcm aead = new(key, TagLength);
        CryptographicOperations.ZeroMemory(key);
        return aead;
    }
}
