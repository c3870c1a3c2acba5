using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Tests.Core.Errors;

[TestClass]
public sealed class TransportErrorTests
{
    /// <summary>Goal: the default value means "no error"; a wanted close with code 0 is an error nevertheless.</summary>
    [TestMethod]
    public void The_default_is_no_error()
    {
        Assert.IsFalse(TransportError.None.IsError);
        Assert.AreEqual("", default(TransportError).Reason);
        Assert.AreEqual("none", default(TransportError).ToString());
        Assert.IsTrue(TransportError.Of(TransportErrorCode.NoError, "done").IsError);
    }

    /// <summary>Goal: each maker gives the code of RFC 9000, section 20.1, and names the frame.</summary>
    [TestMethod]
    public void Codes_are_those_of_the_RFC()
    {
        Check(TransportError.FlowControl(FrameType.Stream), 0x03, 0x08);
        Check(TransportError.StreamLimit(FrameType.Stream), 0x04, 0x08);
        Check(TransportError.StreamState(FrameType.StopSending), 0x05, 0x05);
        Check(TransportError.FinalSize(FrameType.ResetStream), 0x06, 0x04);
        Check(TransportError.FrameEncoding(0x4242), 0x07, 0x4242);
        Check(TransportError.ProtocolViolation("x", FrameType.Ack), 0x0A, 0x02);
        Check(TransportError.Internal("x"), 0x01, 0);
    }

    /// <summary>Goal: a TLS alert is 0x0100 and its number (RFC 9001, section 4.8).</summary>
    [TestMethod]
    public void Alerts_are_crypto_errors()
    {
        Check(TransportError.Alert(0, "x"), 0x0100, 0x06);
        Check(TransportError.Alert(120, "x"), 0x0178, 0x06);
        Check(TransportError.Alert(255, "x"), 0x01FF, 0x06);
    }

    private static void Check(TransportError error, ulong code, ulong frame)
    {
        Assert.IsTrue(error.IsError);
        Assert.AreEqual(code, (ulong)error.Code);
        Assert.AreEqual(frame, error.Frame);
        Assert.AreNotEqual("", error.Reason);
    }
}
