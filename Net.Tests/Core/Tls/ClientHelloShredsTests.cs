using Net.Core.Errors;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

/// <summary>A ClientHello in pieces of any kind (checklist S40).</summary>
[TestClass]
public sealed class ClientHelloShredsTests
{
    /// <summary>Goal: one-byte frames, backwards, doubled and overlapping, are put together; bytes that contradict earlier ones do no more than fail.</summary>
    [TestMethod]
    [DataRow("forwards")]
    [DataRow("backwards")]
    [DataRow("doubled")]
    [DataRow("overlapping")]
    [DataRow("contradicting")]
    public void S40_a_shredded_hello_is_put_together(string how)
    {
        HandshakePair pair = new();
        Assert.IsTrue(pair.Client.TryTakeRequest(out CryptoRequest request));
        Assert.IsFalse(pair.Client.OnAnswer(CryptoWorker.Answer(request, pair.ClientHost)).IsError);
        Assert.IsTrue(pair.Client.TryTakeOutput(out TlsOutput output));
        byte[] hello = output.Bytes.ToArray();
        IEnumerable<(int At, int Length)> pieces = how switch
        {
            "backwards" => Enumerable.Range(0, hello.Length).Reverse().Select(at => (at, 1)),
            "doubled" => Enumerable.Range(0, hello.Length).SelectMany(at => new[] { (at, 1), (at, 1) }),
            "overlapping" => Enumerable.Range(0, hello.Length).Reverse().Select(at => (at, int.Min(20, hello.Length - at))),
            _ => Enumerable.Range(0, hello.Length).Select(at => (at, 1)),
        };
        CryptoStream stream = new();
        TransportError error = TransportError.None;
        int calls = 0;
        if (how == "contradicting")
        {
            error = stream.On(new CryptoFrame(10, new byte[50]));
        }

        foreach ((int at, int length) in pieces)
        {
            error = error.IsError ? error : stream.On(new CryptoFrame((ulong)at, hello.AsSpan(at, length)));
            while (!error.IsError && stream.Peek() is { IsEmpty: false } bytes)
            {
                calls++;
                error = pair.Server.OnCrypto(EncryptionLevel.Initial, bytes);
                stream.Consume(bytes.Length);
            }
        }

        Assert.IsLessThanOrEqualTo(hello.Length, calls, "a byte is read once");
        Assert.AreEqual(how == "contradicting", error.IsError, error.ToString());
        Assert.AreEqual(how != "contradicting", pair.Server.TryTakeRequest(out _));
    }
}
