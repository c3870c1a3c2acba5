using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class HostileBytesTests
{
    private const int Rounds = 20_000;

    /// <summary>
    /// Goal (checklist S48, S50): nothing that a peer can send makes a reader of this folder throw, read beyond the end, or loop.
    /// Method: random bytes of every length from 0 to 100, and longer, from fixed seeds; frames are read one after the other.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void S48_random_bytes_never_throw(int seed)
    {
        Random random = new(seed);
        byte[] buffer = new byte[1500];
        int frames = 0;
        for (int round = 0; round < Rounds; round++)
        {
            int length = round % 50 == 0 ? random.Next(buffer.Length) : round % 101;
            Span<byte> bytes = buffer.AsSpan(0, length);
            random.NextBytes(bytes);

            // Low bytes are frame types and small varints: without them nothing gets past the first field.
            if (round % 2 == 0)
            {
                for (int i = 0; i < length; i++)
                {
                    bytes[i] = (byte)(random.Next(4) == 0 ? bytes[i] : bytes[i] & 0x1F);
                }
            }

            frames += ReadAll(bytes);
        }

        Assert.IsGreaterThan(Rounds / 10, frames, "some of it must parse, else nothing was tested");
    }

    /// <summary>Goal (checklist S48): headers of any form, version and length, then cut at each byte, are refused or read within bounds.</summary>
    [TestMethod]
    public void S48_headers_cut_at_each_byte_never_throw()
    {
        Random random = new(3);
        byte[] buffer = new byte[120];
        for (int round = 0; round < 2_000; round++)
        {
            random.NextBytes(buffer);
            buffer[0] |= (byte)(round % 2 == 0 ? 0xC0 : 0);
            if (round % 3 != 0)
            {
                (buffer[1], buffer[2], buffer[3], buffer[4]) = round % 3 == 1 ? ((byte)0, (byte)0, (byte)0, (byte)(round % 5 == 0 ? 0 : 1))
                    : ((byte)0x6b, (byte)0x33, (byte)0x43, (byte)0xcf);
                buffer[5] &= 0x1F;
            }

            for (int length = 0; length <= 100; length++)
            {
                ReadHeaders(buffer.AsSpan(0, length));
            }
        }
    }

    private static int ReadAll(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        ByteReader reader = new(bytes);
        while (!reader.IsEmpty)
        {
            int before = reader.Position;
            if (FrameCodec.Rewrite(ref reader) is null)
            {
                break;
            }

            Assert.IsGreaterThan(before, reader.Position);
            count++;
        }

        ReadHeaders(bytes);
        foreach (bool fromServer in (bool[])[false, true])
        {
            TransportError error = TransportParameters.TryRead(bytes, fromServer, out TransportParameters parameters);
            Assert.IsTrue(error.IsError || parameters.Write() is not null);
        }

        reader = new(bytes);
        _ = UdpAddress.TryRead(ref reader, out UdpAddress address);
        _ = address.ToString();
        reader = new(bytes);
        _ = ResetToken.TryRead(ref reader, out _);
        return count;
    }

    private static void ReadHeaders(ReadOnlySpan<byte> bytes)
    {
        _ = InvariantHeader.TryRead(bytes, 8, out _);
        _ = InvariantHeader.TryRead(bytes, 20, out _);
        _ = VersionNegotiationPacket.TryRead(bytes, out _);
        _ = RetryPacket.TryRead(bytes, out _);
        if (LongHeader.TryRead(bytes, out LongHeader header))
        {
            Assert.IsLessThanOrEqualTo(bytes.Length, header.PacketLength);
            Assert.IsLessThanOrEqualTo(header.PacketLength, header.PacketNumberOffset);
            Assert.IsLessThanOrEqualTo(header.PacketNumberOffset, header.TokenOffset + header.TokenLength);
            Assert.IsGreaterThan(0, header.PacketLength);
        }
    }
}
