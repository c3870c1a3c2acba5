using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: a range means what RFC 9110, section 14 says, and what is no range changes nothing.</summary>
[TestClass]
public sealed class ByteRangeTests
{
    [TestMethod]
    [DataRow("bytes=0-0", 206, 0L, 1L)]
    [DataRow("bytes=0-99", 206, 0L, 100L)]
    [DataRow("bytes=10-19", 206, 10L, 10L)]
    [DataRow("bytes=90-200", 206, 90L, 10L)]
    [DataRow("bytes=90-", 206, 90L, 10L)]
    [DataRow("Bytes=99-", 206, 99L, 1L)]
    [DataRow("bytes=-1", 206, 99L, 1L)]
    [DataRow("bytes=-100", 206, 0L, 100L)]
    [DataRow("bytes=-1000", 206, 0L, 100L)]
    [DataRow("bytes=5-99999999999999999999999999", 206, 5L, 95L)]
    [DataRow("bytes=100-", 416, 0L, 0L)]
    [DataRow("bytes=100-200", 416, 0L, 0L)]
    [DataRow("bytes=99999999999999999999999999-", 416, 0L, 0L)]
    [DataRow("bytes=-0", 416, 0L, 0L)]
    [DataRow("bytes=20-10", 200, 0L, 100L)]
    [DataRow("bytes=", 200, 0L, 100L)]
    [DataRow("bytes=-", 200, 0L, 100L)]
    [DataRow("bytes=x-5", 200, 0L, 100L)]
    [DataRow("bytes=+1-5", 200, 0L, 100L)]
    [DataRow("bytes=0-1,5-6", 200, 0L, 100L)]
    [DataRow("lines=0-1", 200, 0L, 100L)]
    [DataRow(null, 200, 0L, 100L)]
    public void A_range_of_a_hundred_bytes(string? header, int status, long start, long length) =>
        Assert.AreEqual(new ByteRange(status, start, length), ByteRange.Of(header, 100));

    [TestMethod]
    public void Nothing_has_no_range()
    {
        Assert.AreEqual(416, ByteRange.Of("bytes=0-", 0).Status);
        Assert.AreEqual(416, ByteRange.Of("bytes=-5", 0).Status);
        Assert.AreEqual(ByteRange.Whole(0), ByteRange.Of(null, 0));
    }

    [TestMethod]
    public void Content_range_names_first_last_and_whole()
    {
        Assert.AreEqual("bytes 10-19/100", ByteRange.Of("bytes=10-19", 100).Describe(100));
        Assert.AreEqual("bytes */100", ByteRange.Of("bytes=100-", 100).Describe(100));
    }
}
