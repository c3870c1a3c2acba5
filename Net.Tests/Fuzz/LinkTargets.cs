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
        Member a = new("a", 1), b = new("b", 2);
        byte[] first = DirectoryLog.Write(new("web", a, Member.None, 1, 1, SnapshotHash.None)), second = DirectoryLog.Write(new("web", b, a, 2, 1, SnapshotHash.None));
        byte[][] others = [.. Enumerable.Range(2, 8).Select(i => DirectoryLog.Write(new($"c{i}", a, b, 1, (uint)i, SnapshotHash.None)))];
        yield return [.. DirectoryLog.Preamble(out LogEnd end), .. DirectoryLog.Encode([first], ref end), .. DirectoryLog.Encode(others, ref end), .. DirectoryLog.Encode([second], ref end)];
        LogEnd old = new(DirectoryLog.PreambleLength, 0, 1);
        yield return [.. DirectoryLog.Preamble(out _)[..^1], 1, .. LogFrame.Write(first, ref old), .. DirectoryLog.StepUp(ref old), .. DirectoryLog.Encode(others, ref old)];
    }

    private static void ReadLog(byte[] input)
    {
        try
        {
            _ = DirectoryLog.Replay(input, out LogEnd end);
            Assert.IsTrue(end.Length >= 0 && end.Length <= input.Length);
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
