using Net.Node.Runtime;

namespace Net.Tests.Node.Runtime;

[TestClass]
public sealed class HolderProcessTests
{
    /// <summary>Goal: whoever starts an ingress where its holder cannot outlive it is told so, and what to do; others are not bothered.</summary>
    [TestMethod]
    [DataRow(4711, null, null)]
    [DataRow(4711, "", null)]
    [DataRow(4711, "0123456789abcdef0123456789abcdef", "KillMode=process")]
    [DataRow(1, null, "container")]
    [DataRow(1, "0123456789abcdef0123456789abcdef", "container")]
    public void Who_ends_the_holder_with_the_ingress_is_named(int processId, string? unit, string? named)
    {
        string? warning = HolderProcess.WhatEndsIt(name => name == "INVOCATION_ID" ? unit : null, processId);
        Assert.AreEqual(named is null, warning is null, warning);
        if (named is not null)
        {
            Assert.Contains(named, warning!);
        }
    }
}
