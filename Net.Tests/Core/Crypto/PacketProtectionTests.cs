using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class PacketProtectionTests
{
    private static readonly CipherSuite[] Suites = [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    /// <summary>Goal: what one implementation seals, each other opens, for both header forms and all packet number lengths.</summary>
    [TestMethod]
    public void Implementations_seal_the_same_bytes()
    {
        Random random = new(11);
        foreach (CipherSuite suite in Suites)
        {
            byte[] secret = new byte[suite.HashLength];
            random.NextBytes(secret);
            string[] names = suite == CipherSuite.ChaCha20Poly1305Sha256 ? ["base", "managed", "default"] : ["vector", "narrow", "base", "managed", "default"];
            PacketProtection[] all = [.. names.Select(name => Rfc9001Tests.Create(name, suite, secret))];
            for (int i = 0; i < 200; i++)
            {
                int offset = random.Next(1, 40);
                int numberLength = random.Next(1, 5);
                byte[] packet = new byte[offset + 4 + 16 + random.Next(0, 1500)];
                random.NextBytes(packet);
                packet[0] = (byte)((packet[0] & ~3) | (numberLength - 1));
                ulong number = (ulong)random.NextInt64(1L << 62);
                byte[]? first = null;
                foreach (PacketProtection keys in all)
                {
                    byte[] copy = [.. packet];
                    keys.Seal(copy, offset, numberLength, number);
                    first ??= [.. copy];
                    CollectionAssert.AreEqual(first, copy);
                    Assert.IsTrue(keys.TryUnmask(copy, offset, out int length, out _));
                    Assert.AreEqual(numberLength, length);
                    Assert.IsTrue(keys.TryOpen(copy, offset + length, number));
                    CollectionAssert.AreEqual(packet[..^16], copy[..^16]);
                }
            }

            Array.ForEach(all, keys => keys.Dispose());
        }
    }

    /// <summary>Goal: no length and no content of a packet makes the receiving side throw (S48).</summary>
    [TestMethod]
    public void Packets_of_every_length_are_refused_without_an_exception()
    {
        Random random = new(13);
        foreach (CipherSuite suite in Suites)
        {
            foreach (string name in (string[])["base", "managed", "default"])
            {
                using PacketProtection keys = Rfc9001Tests.Create(name, suite, new byte[suite.HashLength]);
                for (int length = 0; length <= 100; length++)
                {
                    for (int offset = 0; offset <= 24; offset += 3)
                    {
                        byte[] packet = new byte[length];
                        random.NextBytes(packet);
                        byte[] end = packet[^int.Min(16, length)..];
                        bool unmasked = keys.TryUnmask(packet, offset, out int numberLength, out _);
                        Assert.AreEqual(offset >= 1 && length >= offset + 20, unmasked);
                        Assert.IsFalse(keys.TryOpen(packet, offset + numberLength, 1));
                        CollectionAssert.AreEqual(end, packet[^int.Min(16, length)..], "a stateless reset token stays legible");
                    }
                }
            }
        }
    }

    /// <summary>Goal: a change of any single byte of a sealed packet is noticed.</summary>
    [TestMethod]
    public void Any_changed_byte_is_noticed()
    {
        foreach (string name in (string[])["vector", "narrow", "base", "managed"])
        {
            using PacketProtection keys = Rfc9001Tests.Create(name, CipherSuite.Aes128GcmSha256, new byte[32]);
            byte[] packet = new byte[60];
            packet[0] = 0x41;
            keys.Seal(packet, 9, 2, 5);
            for (int i = 0; i < packet.Length; i++)
            {
                byte[] copy = [.. packet];
                copy[i] ^= 0x10;
                bool opened = keys.TryUnmask(copy, 9, out int length, out _) && keys.TryOpen(copy, 9 + length, 5);
                Assert.IsFalse(opened, $"byte {i} of {name}");
            }
        }
    }
}
