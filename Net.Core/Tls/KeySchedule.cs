using System.Security.Cryptography;
using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>The key schedule of RFC 8446, section 7.1.</summary>
/// <remarks>
/// <code>
/// PSK or 0 -> Extract = early -> "derived" -> Extract(shared) = handshake -> "derived" -> Extract(0) = master
///                         |                           |                                        |
///          res binder, c e traffic       c/s hs traffic, finished keys          c/s ap traffic, exp master, res master
///          e exp master
/// </code>
/// </remarks>
internal sealed class KeySchedule
{
    private readonly CipherSuite _suite;
    private byte[] _secret;

    /// <summary>Starts at the early secret.</summary>
    /// <param name="suite">Gives the hash.</param>
    /// <param name="psk">The pre-shared key; empty for none.</param>
    public KeySchedule(CipherSuite suite, ReadOnlySpan<byte> psk = default)
    {
        _suite = suite;
        _secret = Extract(psk.IsEmpty ? new byte[Length] : psk, []);
    }

    public CipherSuite Suite => _suite;

    private int Length => _suite.HashLength;

    /// <summary>The key that comes with a ticket (RFC 8446, section 4.6.1).</summary>
    public static byte[] ResumptionPsk(CipherSuite suite, ReadOnlySpan<byte> resumptionMaster, ReadOnlySpan<byte> ticketNonce)
    {
        byte[] psk = new byte[suite.HashLength];
        Hkdf.ExpandLabel(suite.Hash, resumptionMaster, "resumption"u8, ticketNonce, psk);
        return psk;
    }

    /// <summary>The proof that the pre-shared key is known (RFC 8446, section 4.2.11.2). At the early secret alone.</summary>
    /// <param name="truncatedHash">Of the transcript up to the binders.</param>
    public byte[] Binder(ReadOnlySpan<byte> truncatedHash)
    {
        byte[] emptyHash = CryptographicOperations.HashData(_suite.Hash, ReadOnlySpan<byte>.Empty);
        byte[] key = Derive("res binder"u8, emptyHash);
        byte[] binder = VerifyData(key, truncatedHash);
        CryptographicOperations.ZeroMemory(key);
        return binder;
    }

    /// <summary>Protects 0-RTT packets. At the early secret alone.</summary>
    public byte[] ClientEarlyTraffic(ReadOnlySpan<byte> clientHelloHash) => Derive("c e traffic"u8, clientHelloHash);

    /// <summary>What is exported before the handshake is complete. At the early secret alone.</summary>
    public byte[] EarlyExporterMaster(ReadOnlySpan<byte> clientHelloHash) => Derive("e exp master"u8, clientHelloHash);

    /// <summary>Early to handshake secret.</summary>
    public void AddSharedSecret(ReadOnlySpan<byte> shared) => Advance(shared);

    /// <summary>Handshake to master secret.</summary>
    public void AddMaster() => Advance(new byte[Length]);

    public byte[] ClientHandshakeTraffic(ReadOnlySpan<byte> helloHash) => Derive("c hs traffic"u8, helloHash);

    public byte[] ServerHandshakeTraffic(ReadOnlySpan<byte> helloHash) => Derive("s hs traffic"u8, helloHash);

    public byte[] ClientApplicationTraffic(ReadOnlySpan<byte> serverFinishedHash) => Derive("c ap traffic"u8, serverFinishedHash);

    public byte[] ServerApplicationTraffic(ReadOnlySpan<byte> serverFinishedHash) => Derive("s ap traffic"u8, serverFinishedHash);

    public byte[] ExporterMaster(ReadOnlySpan<byte> serverFinishedHash) => Derive("exp master"u8, serverFinishedHash);

    public byte[] ResumptionMaster(ReadOnlySpan<byte> clientFinishedHash) => Derive("res master"u8, clientFinishedHash);

    /// <summary>The content of a Finished message (RFC 8446, section 4.4.4).</summary>
    /// <param name="trafficSecret">The sender's handshake traffic secret.</param>
    /// <param name="hash">Of the transcript before the message.</param>
    public byte[] VerifyData(ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> hash)
    {
        byte[] key = ExpandLabel(trafficSecret, "finished"u8, []);
        byte[] data = CryptographicOperations.HmacData(_suite.Hash, key, hash);
        CryptographicOperations.ZeroMemory(key);
        return data;
    }

    /// <summary>Overwrites the secret; what was derived from it stays with its owners.</summary>
    public void Wipe() => CryptographicOperations.ZeroMemory(_secret);

    private void Advance(ReadOnlySpan<byte> input)
    {
        byte[] emptyHash = CryptographicOperations.HashData(_suite.Hash, ReadOnlySpan<byte>.Empty);
        byte[] salt = Derive("derived"u8, emptyHash);
        Wipe();
        _secret = Extract(input, salt);
        CryptographicOperations.ZeroMemory(salt);
    }

    private byte[] Derive(ReadOnlySpan<byte> label, ReadOnlySpan<byte> hash) => ExpandLabel(_secret, label, hash);

    private byte[] Extract(ReadOnlySpan<byte> input, ReadOnlySpan<byte> salt)
    {
        byte[] key = new byte[Length];
        Hkdf.Extract(_suite.Hash, input, salt, key);
        return key;
    }

    private byte[] ExpandLabel(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context)
    {
        byte[] output = new byte[Length];
        Hkdf.ExpandLabel(_suite.Hash, secret, label, context, output);
        return output;
    }
}
