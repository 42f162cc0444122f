package planner;

import ai.dsk.Dsk;
import ai.dsk.Plan;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Documents in, documents out: the bodies are the library's own, byte for byte. */
@RestController
@RequestMapping("/v1")
class PlanController {
  /** What a plan is written as. */
  enum Form {
    JSON(MediaType.APPLICATION_JSON, Plan::toJson),
    TABLE(MediaType.TEXT_PLAIN, plan -> plan.emit(Plan.Format.TABLE)),
    KUBERNETES(MediaType.valueOf("application/yaml"), plan -> plan.emit(Plan.Format.KUBERNETES)),
    COMMAND(MediaType.TEXT_PLAIN, plan -> plan.emit(Plan.Format.COMMAND));

    private final MediaType type;
    private final java.util.function.Function<Plan, String> write;

    Form(MediaType type, java.util.function.Function<Plan, String> write) {
      this.type = type;
      this.write = write;
    }
  }

  private final Planner planner;

  PlanController(Planner planner) {
    this.planner = planner;
  }

  /** Plans: docs/schema/plan-request.schema.json in, plan-answer.schema.json (or text) out. */
  @PostMapping(path = "/plan", consumes = MediaType.APPLICATION_JSON_VALUE)
  CompletableFuture<ResponseEntity<byte[]>> plan(@RequestBody byte[] request, @RequestParam(defaultValue = "json") String form) {
    Form wanted = Form.valueOf(form.toUpperCase(java.util.Locale.ROOT));
    return planner.plan(request, wanted.write).thenApply(text -> answer(wanted.type, text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Memory of one deployment: microseconds, so it needs no pool. */
  @PostMapping(path = "/memory", consumes = MediaType.APPLICATION_JSON_VALUE)
  ResponseEntity<byte[]> memory(@RequestBody byte[] request) {
    return answer(MediaType.APPLICATION_JSON, Dsk.memoryJson(request));
  }

  private static ResponseEntity<byte[]> answer(MediaType type, byte[] body) {
    return ResponseEntity.ok().contentType(type).body(body);
  }
}
