using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Qpack;

[TestClass]
public sealed class PeerInstructionsTests
{
    /// <summary>Goal: an encoder may set the capacity to 0 and nothing else (RFC 9204, section 4.3).</summary>
    [TestMethod]
    [DataRow("20", false, DisplayName = "capacity 0")]
    [DataRow("202020", false, DisplayName = "capacity 0, three times")]
    [DataRow("21", true, DisplayName = "capacity 1")]
    [DataRow("3fbd01", true, DisplayName = "capacity 220, as in appendix B.2")]
    [DataRow("c00f", true, DisplayName = "insert with name reference")]
    [DataRow("4a63", true, DisplayName = "insert with literal name")]
    [DataRow("02", true, DisplayName = "duplicate")]
    public void Encoder_instructions_are_checked(string hex, bool fails)
    {
        Http3Error error = PeerInstructions.OnEncoderStream(Convert.FromHexString(hex));
        Assert.AreEqual(fails ? Http3ErrorCode.QpackEncoderStreamError : 0, error.Code);
    }

    /// <summary>Goal: a decoder may cancel streams and nothing else, with integers cut anywhere (RFC 9204, section 4.4).</summary>
    [TestMethod]
    [DataRow("48", false, DisplayName = "cancel stream 8, as in appendix B.5")]
    [DataRow("7f00487fffffffff0f40", false, DisplayName = "several, of several lengths")]
    [DataRow("7fffffffffffffffff7f", true, DisplayName = "a stream above 2^62-1")]
    [DataRow("7f80808080808080808080", true, DisplayName = "an integer without end")]
    [DataRow("84", true, DisplayName = "section acknowledgement")]
    [DataRow("01", true, DisplayName = "insert count increment")]
    [DataRow("00", true, DisplayName = "insert count increment of 0")]
    public void Decoder_instructions_are_checked_across_moves(string hex, bool fails)
    {
        PeerInstructions state = default;
        Http3Error error = default;
        foreach (byte next in Convert.FromHexString(hex))
        {
            error = error.IsError ? error : state.OnDecoderStream([next]);
            if (!error.IsError)
            {
                SnapshotWriter writer = new(default);
                state.Export(writer);
                state = PeerInstructions.Import(new(writer.Written, default));
            }
        }

        Assert.AreEqual(fails ? Http3ErrorCode.QpackDecoderStreamError : 0, error.Code);
    }
}
