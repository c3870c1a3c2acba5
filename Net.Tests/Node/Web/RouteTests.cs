using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: paths find their handlers, and nothing else does.</summary>
[TestClass]
public sealed class RouteTests
{
    [TestMethod]
    [DataRow("/sha256", RouteKind.Sha256)]
    [DataRow("/echo", RouteKind.Echo)]
    [DataRow("/counter?x=1", RouteKind.Counter)]
    [DataRow("/whoami", RouteKind.WhoAmI)]
    [DataRow("/value", RouteKind.Value)]
    [DataRow("/files/a", RouteKind.Files)]
    [DataRow("/bytes/0", RouteKind.Bytes)]
    [DataRow("/bytes/1099511627776", RouteKind.Bytes)]
    [DataRow("/bytes/1099511627777", RouteKind.None)]
    [DataRow("/bytes/-1", RouteKind.None)]
    [DataRow("/bytes/", RouteKind.None)]
    [DataRow("/bytes/1x", RouteKind.None)]
    [DataRow("/bytes/99999999999999999999", RouteKind.None)]
    [DataRow("/", RouteKind.None)]
    [DataRow("*", RouteKind.None)]
    [DataRow("", RouteKind.None)]
    [DataRow("/Echo", RouteKind.None)]
    [DataRow("/whoami/", RouteKind.None)]
    public void A_path_has_a_handler(string path, object kind) => Assert.AreEqual((RouteKind)kind, Route.Of(path).Kind);

    [TestMethod]
    public void Sizes_and_names_come_with_it()
    {
        Assert.AreEqual(1L << 40, Route.Of("/bytes/1099511627776").Size);
        Assert.AreEqual("a/b%20c", Route.Of("/files/a/b%20c?x").File);
    }

    [TestMethod]
    public void Methods_are_told_apart()
    {
        Assert.IsTrue(Route.Of("/bytes/1").Takes("HEAD"));
        Assert.IsFalse(Route.Of("/bytes/1").Takes("POST"));
        Assert.IsTrue(Route.Of("/sha256").Takes("PUT"));
        Assert.IsFalse(Route.Of("/sha256").Takes("GET"));
        Assert.IsFalse(Route.Of("/echo").Takes("get"));
        Assert.AreEqual("POST, PUT", Route.Of("/echo").Allow);
    }
}
