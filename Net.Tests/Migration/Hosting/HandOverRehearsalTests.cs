using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class HandOverRehearsalTests
{
    /// <summary>Goal: the rehearsal really moves a running exchange, there and back; one that silently did nothing would leave code to be compiled in a freeze.</summary>
    [TestMethod]
    public async Task A_whole_move_there_and_back_is_rehearsed()
    {
        await HandOverRehearsal.Once;
        Assert.IsGreaterThanOrEqualTo(2, HandOverRehearsal.Moves);
    }
}
