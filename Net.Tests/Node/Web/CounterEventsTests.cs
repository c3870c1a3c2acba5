using System.Text;
using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: where an event stands follows from its number alone, so that a move leaves neither gap nor repeat.</summary>
[TestClass]
public sealed class CounterEventsTests
{
    [TestMethod]
    public void An_event_has_the_form_of_the_contract() => Assert.AreEqual("data: 12\n\n", Encoding.ASCII.GetString(CounterEvents.Event(12)));

    [TestMethod]
    public void Lengths_add_up_across_every_change_of_digits()
    {
        long sum = 0;
        Assert.AreEqual(0, CounterEvents.LengthThrough(0));
        for (long number = 1; number <= 12_000; number++)
        {
            sum += CounterEvents.Event(number).Length;
            Assert.AreEqual(sum, CounterEvents.LengthThrough(number), $"through {number}");
        }
    }
}
