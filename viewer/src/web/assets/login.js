// The form works without this script. It says why the form is shown again, and leads on who has come by a link from
// another page: the browser did not send the cookie then, but does now.

if (new URLSearchParams(location.search).has("wrong")) {
  const wrong = document.getElementById("wrong");
  wrong.textContent = "Wrong token.";
  wrong.hidden = false;
  document.getElementById("token").setAttribute("aria-invalid", "true");
} else {
  fetch("/api/health").then(({ ok }) => ok && location.replace("/"), () => {});
}
