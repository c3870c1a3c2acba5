namespace Interop.Matrix;

/// <summary>A server that speaks HTTP/3 alone: our client is told so.</summary>
internal interface IHttp3Only;
