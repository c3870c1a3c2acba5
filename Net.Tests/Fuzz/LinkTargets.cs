using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Node.Etcd;
using Net.Tests.Migration.Link;

namespace Net.Tests.Fuzz;

/// <summary>What nodes, ingresses, commands and directories say to each other.</summary>
internal static class LinkTargets
{
    public static IEnumerable<FuzzTarget> All =>
    [
        new("link", "records of a node's or a control link, one behind the other", () => LinkCodecTests.Messages.Select(LinkCodec.Write).Where(r => r.Length < 2000), ReadLink),
        new("directory-log", "the file of the embedded directory", Logs, ReadLog),
        new("addresses", "addresses and names as people type them", () => [[.. "etcd://a:1,b:2"u8], [.. "[fe80::1%2]:443"u8], [.. "web.test"u8]], ReadAddress),
    ];

    private static void ReadLink(byte[] input)
    {
        ReadOnlySpan<byte> rest = input;
        LinkRead read;
        while ((read = LinkCodec.TryRead(rest, out int consumed, out LinkMessage? message)) is LinkRead.Message or LinkRead.Skipped)
        {
            Assert.IsTrue(consumed > 0 && consumed <= rest.Length);
            Assert.AreEqual(read == LinkRead.Message, message is not null);
            if (message is not null)
            {
                byte[] written = LinkCodec.Write(message);
                Assert.AreEqual(LinkRead.Message, LinkCodec.TryRead(written, out int length, out LinkMessage? again));
                Assert.AreEqual(written.Length, length);
                CollectionAssert.AreEqual(written, LinkCodec.Write(again!), message.ToString());
            }

            rest = rest[consumed..];
        }
    }

    private static IEnumerable<byte[]> Logs()
    {
        ulong chain = 0;
        Member a = new("a", 1), b = new("b", 2);
        yield return [.. DirectoryLog.Preamble(), .. DirectoryLog.Encode(new("web", a, Member.None, 1, 1, SnapshotHash.None), ref chain), .. DirectoryLog.Encode(new("web", b, a, 2, 1, SnapshotHash.None), ref chain)];
    }

    private static void ReadLog(byte[] input)
    {
        try
        {
            _ = DirectoryLog.Replay(input, out _, out int length);
            Assert.IsTrue(length >= 0 && length <= input.Length);
        }
        catch (DirectoryLogException)
        {
        }
    }

    private static void ReadAddress(byte[] input)
    {
        string text = System.Text.Encoding.Latin1.GetString(input);
        _ = EtcdAddress.TryParse(text, out _);
        _ = Names.IsValid(text);
        if (UdpAddress.TryParse(text, out UdpAddress address))
        {
            Assert.IsTrue(UdpAddress.TryParse(address.ToString(), out UdpAddress again) && again == address);
        }
    }
}
