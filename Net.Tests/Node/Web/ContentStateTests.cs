using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: what a download keeps comes back whole, and contradictions are refused.</summary>
[TestClass]
public sealed class ContentStateTests
{
    [TestMethod]
    public void Every_field_travels()
    {
        ContentState state = new(new(206, 5, 7), 100, [.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
        Assert.IsTrue(ContentState.TryRead(state.Write(), out ContentState read));
        Assert.AreEqual(state.Range, read.Range);
        Assert.AreEqual(state.ContentLength, read.ContentLength);
        CollectionAssert.AreEqual(state.Digest, read.Digest);
    }

    [TestMethod]
    [DataRow(404, 0L, 1L, 10L)]
    [DataRow(206, -1L, 1L, 10L)]
    [DataRow(206, 0L, -1L, 10L)]
    [DataRow(206, 5L, 6L, 10L)]
    [DataRow(206, 0L, 11L, 10L)]
    [DataRow(206, long.MaxValue, 1L, 10L)]
    public void A_contradiction_is_refused(int status, long start, long length, long whole) =>
        Assert.IsFalse(ContentState.TryRead(new ContentState(new(status, start, length), whole, []).Write(), out _));

    [TestMethod]
    public void A_cut_state_is_refused()
    {
        byte[] whole = new ContentState(new(200, 0, 10), 10, new byte[32]).Write();
        for (int length = 0; length < whole.Length; length++)
        {
            if (length != 26)
            {
                Assert.IsFalse(ContentState.TryRead(whole.AsSpan(0, length), out _));
            }
        }
    }
}
