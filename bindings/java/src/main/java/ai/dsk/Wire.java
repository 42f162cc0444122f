package ai.dsk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** How a record differs, as JSON, from an object of its members. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@interface Wire {
  /** The member that may stand alone, in place of the object; "" for none. */
  String shortForm() default "";

  /** The value of "schema", which a whole request begins with; 0 for none. */
  int schema() default 0;
}
