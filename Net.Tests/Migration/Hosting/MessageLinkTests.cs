using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a link does with a peer that does not read.</summary>
[TestClass]
public sealed class MessageLinkTests
{
    private const int Queue = 100_000;

    private static readonly X509Certificate2 s_ingress = TestFederation.Instance.Member("ingress");

    public TestContext TestContext { get; set; } = null!;

    /// <summary>
    /// Goal: what waits for a peer is bounded: one that reads nothing is lost, once, and costs no memory from then on.
    /// Method: the peer accepts the connection and never its stream, so flow control stops the link; each message counts against the limit.
    /// </summary>
    [TestMethod]
    [Timeout(60_000)]
    public async Task A_peer_that_does_not_read_is_lost()
    {
        await using QuicListener listener = await ControlServer.ListenAsync(
            new(IPAddress.Loopback, 0), () => s_ingress, TestFederation.Instance.Roots);
        (QuicConnection connection, QuicStream stream) = await ControlTls.ConnectAsync(
            listener.LocalEndPoint, LinkCodec.ControlAlpn, TestFederation.Instance.Member("a"), TestFederation.Instance.Roots, TestContext.CancellationToken);
        int losses = 0;
        TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        MessageLink link = new(
            connection, stream, (_, _) => { },
            _ =>
            {
                losses++;
                lost.TrySetResult();
            },
            Queue);
        await using (link)
        {
            link.Start();
            JoinRefusedMessage message = new(new string('x', 500));
            int length = LinkCodec.Write(message).Length;
            long said = 0;
            // Far more than any window of ours.
            while (said < 200_000_000 && !lost.Task.IsCompleted)
            {
                link.Send(message);
                said += length;
            }

            await lost.Task.WaitAsync(TestContext.CancellationToken);
            Assert.IsGreaterThan(Queue, said);
            link.Send(message);
        }

        Assert.AreEqual(1, losses);
    }
}
